"""How fast the warehouse is, beside what a user would take instead and beside the limit. README.md says how to read it."""

"""The platform's REST API as a witness for what the files say: asked for counts and samples, and never told anything."""

"""The real pipeline, several loads and builds in a row."""

"""Fortress Warehouse's loader: mirrors exports, loads them into DuckDB, publishes the finished tables."""

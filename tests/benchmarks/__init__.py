"""The benchmark itself: its work, its yardstick and its checker."""

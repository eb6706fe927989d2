"""The contract replayed slowly in plain Python, and generators of difficult feeds to replay."""

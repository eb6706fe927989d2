"""A vendor's feed, simulated: seeded export trees of any size, as they would stand on the server at a point in time.

It exists so that the demonstration, the tests and the benchmarks run on files that look like the vendor's, special
cases included, without any real resident's data. Nothing here knows how the loader reads what it writes.
"""

from loaders.simulator.demonstration import simulate, source_records
from loaders.simulator.feed import simulate_feed
from loaders.simulator.tree import Delivery

__all__ = ["Delivery", "simulate", "simulate_feed", "source_records"]

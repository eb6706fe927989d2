"""How many records there are of each kind, and which of them a change may touch."""

from dataclasses import dataclass

RESERVED = 8
"""The first records of each topic are kept for the demonstration's story; ordinary changes leave them alone."""

NEW_FROM = 100
"""Ordinary new records are numbered from here after the first snapshot's; the numbers between belong to the story."""


def kept(rows: int) -> int:
    """How many of a topic's first records are never deleted, so that others may point to them."""
    return rows - rows // 10


@dataclass(frozen=True, slots=True)
class Scale:
    """How many records each topic starts with, for a number of work orders."""

    work_orders: int

    def rows(self, share: float) -> int:
        """A topic's records, for its share of the work orders; enough for the story in any case."""
        return max(24, int(self.work_orders * share))

    @property
    def units(self) -> int:
        """Units: the first ``kept(leases)`` of them are lived in."""
        return self.rows(0.4)

    @property
    def leases(self) -> int:
        """Leases, fewer than units: some stand empty."""
        return self.rows(0.32)

    @property
    def customers(self) -> int:
        """Customers: about two to a household."""
        return self.rows(0.64)

    @property
    def properties(self) -> int:
        """Properties, which no topic delivers: they are ids alone."""
        return max(2, self.units // 20)

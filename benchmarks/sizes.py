"""How much work there is: rows of the first snapshot, change files, and rows of each."""

from dataclasses import dataclass

BUSY_TOPIC = "workorders"
OTHER_TOPICS = (
    *("activities", "amenities", "applications", "buildings", "customers", "deposits", "floorplans", "households", "incomelimits"),
    *("leases", "listings", "maintenanceissues", "maintenancelocations", "moveins", "moveouts", "properties", "prospects"),
    *("rentchanges", "reversals", "scheduledtransactions", "screenings", "transactions", "turns", "units", "users"),
    *("applicationstatuschanges", "balances", "certifications", "certificationdocuments"),
)
"""Twenty-nine topics that the registry knows: with the busy one, thirty."""

HOURS = 40
"""Change files beyond those of the first load: one for each hour that is measured."""


@dataclass(frozen=True, slots=True)
class Size:
    """The busy topic's work; the other topics have a hundredth of its rows, and a tenth of its changes."""

    name: str
    rows: int
    files: int
    changes: int

    def of(self, topic: str) -> "Size":
        """The work of one topic."""
        if topic == BUSY_TOPIC:
            return self
        return Size(self.name, max(200, self.rows // 100), self.files, max(20, self.changes // 10))


_ALL = (Size("XS", 3_000, 4, 200), Size("S", 100_000, 24, 2_000), Size("M", 2_000_000, 48, 10_000), Size("L", 10_000_000, 48, 10_000))
SIZES = {size.name: size for size in _ALL}
SMALLER = {"L": "M", "M": "S", "S": "XS"}
"""What a size is compared with, to see how an hour grows with the warehouse."""

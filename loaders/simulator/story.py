"""The demonstration's special cases: what happens, where, and to which record. All in the first organization.

Records are named by number; the first ones of a topic (below ``RESERVED``) are touched by the story alone, so what a
reader sees of them is exactly what is written here.
"""

from dataclasses import dataclass

from loaders.simulator.changes import Patch
from loaders.simulator.columns import Column
from loaders.simulator.scale import Scale

LATE_TOPIC, LATE_HOUR, LATE_ARRIVES = "workorders", 14, "06:20:00"
"""The topic's change file of this hour of step 2 is missing until step 3."""

REVISED_TOPIC, REVISED_HOUR, REVISED_ARRIVES = "transactions", 12, "09:45:30"
SNAPSHOT_TOPIC, SNAPSHOT_ARRIVES = "units", "03:05:00"
NEW_COLUMN_TOPIC = "leases"
NEW_COLUMN = Column("petPolicy", "text", "case i % 3 when 0 then 'CATS_ONLY' when 1 then 'No pets, \"service animals\" excepted' end")
STRAY_TOPIC, STRAY_NAME = "activities", "README.txt"
STRAY_TEXT = "Export job, nightly. Questions: data@example.com\n"


@dataclass(frozen=True, slots=True)
class Scene:
    """One change of the story. ``index`` counts from the first record; when ``new``, from the first after the snapshot's.

    ``amount`` stands in place of the record's amount, until the file is delivered again in the step ``corrected_in``.
    """

    step: int
    topic: str
    hour: int
    kind: str
    index: int
    note: str
    new: bool = False
    amount: str = ""
    corrected_in: int | None = None

    def number(self, rows: int) -> int:
        """The record's number, in a topic whose first snapshot has ``rows`` records."""
        return self.index + (rows if self.new else 0)

    def patch(self, step: int) -> Patch | None:
        """What a file delivered in ``step`` says in place of the truth."""
        corrected = self.corrected_in is not None and step >= self.corrected_in
        return None if corrected or not self.amount else Patch("amount", self.index, self.amount)

    def note_in(self, step: int) -> str:
        """What to say of the file when it is delivered in ``step``."""
        return "revision: same name, corrected amount" if step == self.corrected_in else self.note


def scenes(step: int) -> list[Scene]:
    """The story's changes up to and including a step."""
    return [scene for scene in _SCENES if scene.step <= step]


_SCENES = (
    Scene(2, "workorders", 3, "update", 0, "a work order's plain life: IN_PROGRESS"),
    Scene(2, "workorders", 4, "reload", 1, "reload, D then I"),
    Scene(2, "workorders", 5, "reload_reversed", 2, "reload, I then D"),
    Scene(2, "workorders", 6, "delete_key", 3, "hard delete, D row with the key alone"),
    Scene(2, "workorders", 7, "delete_stamped", 4, "hard delete, D row with deletedAt"),
    Scene(2, "workorders", 8, "soft_delete", 5, "soft delete, U row with deletedAt"),
    Scene(2, "workorders", 9, "update", 0, "a work order's plain life: COMPLETED"),
    Scene(2, "workorders", 10, "insert", 0, "I then U of one new record: the three resolutions differ", new=True),
    Scene(2, "workorders", 10, "update", 0, "", new=True),
    Scene(2, "workorders", 11, "nothing", 6, "an update that changes nothing"),
    Scene(2, "workorders", 12, "duplicate", 1, "the same row twice"),
    Scene(2, "workorders", 13, "update", 7, "the hour before the missing file"),
    Scene(2, LATE_TOPIC, LATE_HOUR, "update", 7, "late file, with a change that it alone holds"),
    Scene(2, "workorders", 15, "update", 7, "the hour after the missing file"),
    Scene(2, "activities", 5, "nothing", 1, "an update that changes nothing"),
    Scene(2, "activities", 6, "soft_delete", 2, "soft delete, U row with deletedAt"),
    Scene(2, "customers", 12, "update", 1, "a customer's phone changes"),
    Scene(2, REVISED_TOPIC, REVISED_HOUR, "update", 1, "a wrong amount, revised later", amount="99999.99", corrected_in=3),
    Scene(3, "workorders", 10, "insert", 3, "a hard-deleted work order comes back"),
    Scene(3, "workorders", 11, "update", 5, "a soft delete is taken back"),
    Scene(3, "transactions", 18, "update", 2, 'amount "n/a", which does not cast', amount="n/a"),
    Scene(3, NEW_COLUMN_TOPIC, 18, "update", 1, "new column petPolicy"),
)


def missing_unit(scale: Scale) -> int:
    """The unit that the second snapshot lacks though no change file deleted it; nothing points to it."""
    return scale.units - 1


def unheard_unit(scale: Scale) -> int:
    """The unit that the second snapshot holds though no change file told of it."""
    return scale.units

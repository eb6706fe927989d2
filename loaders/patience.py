"""Waiting for another command to have ended, for those that need the warehouse for a moment only."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from loaders.errors import WarehouseBusy
from loaders.landing import at_work


@contextmanager
def patiently_at_work(home: Path, patience: float) -> Iterator[None]:
    """The warehouse's lock, waited for so many seconds; WarehouseBusy.

    DuckDB's own lock is not waited for: who holds the database without this one may do so for hours.
    """
    import tenacity  # imported here: most commands need not pay for it

    waiting = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(WarehouseBusy),
        wait=tenacity.wait_random(0.05, 0.5),
        stop=tenacity.stop_after_delay(patience),
        reraise=True,
    )
    with ExitStack() as held:
        waiting(lambda: held.enter_context(at_work(home)))
        yield

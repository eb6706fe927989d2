"""The local service with odd answers: each is given once, to the first call that it fits, in the order in which they were planned."""

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from loaders.market.service import MarketService
from loaders.web.service import Call, Json, Reply, as_json

Proceed = Callable[[], Reply]
Odd = Callable[[Call, Proceed], Reply]

TOKEN, CREATE, LIST = ("POST", r"/oauth/token"), ("POST", r".*/jobs"), ("GET", r".*/jobs")
STATUS, CANCEL = ("GET", r".*/jobs/[\w-]+"), ("DELETE", r".*/jobs/[\w-]+")
RESULTS, STORAGE = ("GET", r".*/results"), ("GET", r"/storage/.*")


class OddService(MarketService):
    """``odd`` holds what is planned: method, a pattern of the path, and what is done instead of, or after, what is usual."""

    def __init__(self, content: Callable[[Json], bytes] | None = None, looks: int = 1):
        super().__init__(content or rows_of, looks)
        self.odd: list[tuple[tuple[str, str], Odd]] = []

    def plan(self, where: tuple[str, str], *odd: Odd | Reply) -> None:
        """At the next calls of this kind, one after the other."""
        for one in odd:
            self.odd.append((where, one if callable(one) else lambda _call, _proceed, reply=one: reply))

    def reply(self, call: Call) -> Reply:
        with self.lock:
            place = next(
                (i for i, ((method, path), _) in enumerate(self.odd) if method == call.method and re.fullmatch(path, call.path)), None
            )
            odd = None if place is None else self.odd.pop(place)[1]
        if odd is None:
            return super().reply(call)
        return odd(call, lambda: super(OddService, self).reply(call))

    def count(self, where: tuple[str, str]) -> int:
        """How many calls of this kind were answered as usual."""
        return sum(call.method == where[0] and re.fullmatch(where[1], call.path) is not None for call in self.calls)


def then(reply: Reply) -> Odd:
    """What is usual is done, and something else is said."""

    def odd(_: Call, proceed: Proceed) -> Reply:
        proceed()
        return reply

    return odd


HANG_UP = Reply(0, hang_up=True)


def days(job: Json) -> list[date]:
    start, end = (date.fromisoformat(job[name]) for name in ("start_date", "end_date"))
    return [start + timedelta(days=i) for i in range((end - start).days + 1)]


def rows_of(job: Json) -> bytes:
    """A file as it was seen: snake case, fractions, one row per property and day."""
    rows: list[dict[str, Any]] = [
        {
            "report_generation_date": day.isoformat(),
            "property_id": one,
            "avg_rent": 1500 + one % 100 + day.day,
            "advertised_occupancy_pct": 0.9715,
            "leases_last_30d": 3,
        }
        for one in job["property_ids"]
        for day in days(job)
    ]
    return written(rows, job["output_format"])


def written(rows: list[dict[str, Any]], file_format: str) -> bytes:
    """Rows as a file of this format."""
    if file_format == "jsonl":
        return b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    if file_format == "csv":
        import csv
        import io

        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue().encode()
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue().to_pybytes()


def limited(most: int) -> Odd:
    """A service that takes so many properties at once, and says so."""

    def odd(call: Call, proceed: Proceed) -> Reply:
        if len(call.document["property_ids"]) > most:
            return as_json(400, {"error": f"property_ids: at most {most} properties can be exported at once"})
        return proceed()

    return odd

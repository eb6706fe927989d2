"""The local service with odd answers, and files as the vendor's were seen."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from loaders.market.service import MarketService
from loaders.web.service import Call, Json, Reply, as_json
from tests.odd_answers import HANG_UP, Odd, OddAnswers, Proceed, then

__all__ = ["HANG_UP", "Odd", "Proceed", "then"]

TOKEN, CREATE, LIST = ("POST", r"/oauth/token"), ("POST", r".*/jobs"), ("GET", r".*/jobs")
STATUS, CANCEL = ("GET", r".*/jobs/[\w-]+"), ("DELETE", r".*/jobs/[\w-]+")
RESULTS, STORAGE = ("GET", r".*/results"), ("GET", r"/storage/.*")


class OddService(OddAnswers, MarketService):
    """Jobs' files are small, and are done at once, unless said otherwise."""

    def __init__(self, content: Callable[[Json], bytes] | None = None, looks: int = 1):
        super().__init__(content or rows_of, looks)


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

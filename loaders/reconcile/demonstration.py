"""The demonstration's witness: the simulated source's own REST API on this machine, asked by the very same reconciliation.

It shows the work orders of one organization an hour after the last file of the first day, of which one file is late: so some records
are newer there, and some changes should be here and are not.
"""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from loaders.progress import Line, Progress, detail, heading, within
from loaders.reconcile.client import Api
from loaders.reconcile.service import ApiService, serve
from loaders.reconcile.settings import ApiSettings
from loaders.reconcile.workflow import Wanted, reconcile
from loaders.settings import Settings
from loaders.simulator import source_records
from loaders.web.waits import Pace

AFTER_STEP = 2
_TOPIC, _PATH, _SAMPLE, _SEED = "workorders", "/workOrders", 40, 7
_MOST_SHOWN = 3


def ask_witness(settings: Settings, say: Progress) -> None:
    """Compare, and say the first findings; the next run publishes all of them."""
    say(heading("witness", "a simulated REST API of the platform on this machine: its work orders an hour after the last file"))
    service = ApiService({_PATH: [_as_shown(record) for record in source_records(_TOPIC, step=AFTER_STEP)]})
    with serve(service) as url:
        api = Api(ApiSettings(url, service.key), Pace(), within("witness", say))
        try:
            done = reconcile(settings, api, Wanted((_TOPIC,), sample=_SAMPLE, seed=_SEED), within("witness", say))
        finally:
            api.close()
    newer = sum(finding.verdict == "newer_in_api" for topic in done.topics for finding in topic.findings)
    text = f"{newer} findings are newer than the files. Others should be here by now; `from audit.api_reconciliation` has them all:"
    say(detail("witness", Line(text)))
    for finding in done.wrong[:_MOST_SHOWN]:
        what = f"{finding.id or 'the count'}{'.' + finding.column_name if finding.column_name else ''}"
        say(detail("witness", Line(f"{finding.verdict}: {what}: {finding.explanation}")))


def _as_shown(record: dict[str, Any]) -> dict[str, Any]:
    """A record as an API writes it: numbers, moments in ISO 8601, objects in objects."""
    return {name: _shown(value) for name, value in record.items()}


def _shown(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, str) and value[:1] in ("{", "["):
        return json.loads(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)

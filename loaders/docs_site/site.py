"""From the project, and the warehouse where there is one, to the file of the docs site."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from loaders.build import run_dbt
from loaders.docs_site.data import page_catalog, page_manifest
from loaders.docs_site.page import fill_page
from loaders.settings import PROJECT, Settings
from loaders.warehouse import open_build

SITE = PROJECT / "target" / "fortress-docs.html"


@dataclass(frozen=True, slots=True)
class SiteReport:
    """The file, its size, and how many models and expected columns it describes."""

    path: Path
    size_bytes: int
    models: int
    columns: int


def write_site(settings: Settings, path: Path = SITE) -> SiteReport:
    """Write the docs site to ``path``; BuildFailed with dbt's reasons, WarehouseBusy while another process builds.

    Where nothing was ever loaded, the project is described as it is, and no warehouse is made for it.
    """
    with open_build(settings.build, read_only=True) as connection:
        delivered = connection.execute(
            "select topic, max(batch_at), max(loaded_at) from raw._files where status = 'loaded' group by topic"
        ).fetchall()
    manifest, catalog, template = _generate(settings)
    newest = {topic: (batch_at, loaded_at) for topic, batch_at, loaded_at in delivered}
    told = page_manifest(manifest, {source["name"]: _freshness(source, newest) for source in manifest["sources"].values()})
    page = fill_page(template, told, page_catalog(catalog, manifest))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    models = [node for node in told["nodes"].values() if node["resource_type"] == "model"]
    return SiteReport(path.absolute(), path.stat().st_size, len(models), sum(len(model["columns"]) for model in models))


def _generate(settings: Settings) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Have dbt write its artifacts; the manifest, the catalog and the page without data."""
    target = Path(os.environ.get("DBT_TARGET_PATH", PROJECT / "target"))
    with TemporaryDirectory() as nothing:
        home = settings.home if settings.build.exists() else Path(nothing)
        run_dbt(replace(settings, home=home), ["docs", "generate"])
    read = {name: (target / name).read_text(encoding="utf-8") for name in ("manifest.json", "catalog.json", "index.html")}
    return json.loads(read["manifest.json"]), json.loads(read["catalog.json"]), read["index.html"]


def _freshness(source: Mapping[str, Any], newest: Mapping[str, tuple[datetime, datetime]]) -> list[dict[str, Any]]:
    """What the page's details say of how fresh a source is: times, as a page that is kept cannot know how old it is."""
    limit = (source.get("freshness") or {}).get("warn_after") or {}
    expected = f"within {limit['count']} {limit['period']}s" if limit.get("count") else "not said"
    batch_at, loaded_at = newest.get(source["name"], (None, None))
    if source["name"] == "_files" and newest:
        batch_at, loaded_at = (max(times) for times in zip(*newest.values(), strict=True))
    return [
        _shown("1_expected", "New files expected", expected, "dbt source freshness warns after that"),
        _shown(
            "2_latest_file", "Latest file, its time", _moment(batch_at), "The time in its name; for a snapshot, when it was last written"
        ),
        _shown("3_loaded", "Latest file, loaded", _moment(loaded_at), "When the loader read the latest file"),
    ]


def _shown(key: str, label: str, value: str, description: str) -> dict[str, Any]:
    return {"id": key, "label": label, "value": value, "description": description, "include": True}


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "nothing yet"

"""dbt's docs page, changed where it would ask the network, mislead or be hard to read, and with its data put inside.

The page belongs to the pinned dbt-core. After an upgrade a change that no longer finds its place is an error, not a silent loss.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loaders.errors import DocsFailed

# The browser itself refuses what is not in the file. The page's framework writes styles and compiles expressions as it goes.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
    "base-uri 'none'; form-action 'none'"
)
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath fill='%23006f8a' d='M1 2h3v2h2V2h4v2h2V2h3v12h-5v-4H6v4H1z'/%3E%3C/svg%3E"
)


@dataclass(frozen=True, slots=True)
class _Change:
    """One place of the page, ``times`` in it: what stands there, and what shall."""

    old: str
    new: str
    times: int = 1


_CHANGES = (
    _Change("<title>dbt Docs</title>", "<title>Fortress Warehouse</title>"),
    _Change('<link rel="canonical" href="/overview/"/>', f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"/>'),
    _Change("${require('./assets/favicons/favicon.ico')}", _ICON),
    # The page's usage statistics: off by its data already, and here without their addresses.
    _Change('i.src="//d1fc8wv8zag5ca.cloudfront.net/2.9.0/sp.js"', 'i.src=""'),
    _Change('"fishtownanalytics.sinter-collect.com"', '""'),
    _Change('"https://fuzzed.getdbt.com/"', '""', times=2),
    # `in` asks a list for its positions: sources and exposures, which have no group, would stand under a group without a name.
    _Change('e.resource_type in["source","exposure","seed","macro"]', '["source","exposure","seed","macro"].includes(e.resource_type)'),
    _Change("<strong>Public Models</strong>", "<strong>Tables by subject</strong>"),
    _Change("Search for models...", "Search tables, columns and descriptions"),
    # The search's weights get lost on their way to its results, of which it then shows the last twenty, from the end. So: the name that
    # is asked for, names that contain it, columns, and else the order of the data, which begins with what analysts look for.
    _Change(
        "r.length&&t.push({model:n,matches:r})",
        "r.length&&t.push({model:n,matches:r,overallWeight:"
        "n.name.toLowerCase()==e.toLowerCase()?3:n.name.toLowerCase().includes(e.toLowerCase())?2:+r.some(o=>o.key=='columns')})",
    ),
    _Change("filter:limit_search | orderBy:\\'overallWeight\\':true", "orderBy:\\'-overallWeight\\' | filter:limit_search"),
    # What this project has none of is not worth a line.
    _Change(
        '{name:"Version",value:e.version},{name:"Contract",value:s?"Enforced":"Not Enforced"}',
        '{name:"Version",value:e.version||void 0},{name:"Contract",value:s?"Enforced":void 0}',
    ),
    # The browser would ask for a file named {{ getIcon(...) }} before the framework puts the icon's name there.
    _Change('<use xlink:href="{{ getIcon(', '<use ng-attr-href="{{ getIcon(', times=4),
    # Descriptions are read in full, and not after a click on their row.
    _Change("text-overflow: ellipsis; overflow-x: hidden; white-space: nowrap; max-width: 1px;", "min-width: 22em;", times=3),
    _Change(
        '<span ng-show="!column.expanded">{{ column.description }}</span>',
        '<span ng-show="!column.expanded" marked="column.description"></span>',
    ),
)


def fill_page(template: str, manifest: Mapping[str, Any], catalog: Mapping[str, Any]) -> str:
    """The whole page; DocsFailed when the template is not the one this project knows."""
    inline = [
        _Change('"MANIFEST.JSON INLINE DATA"', _as_script(manifest)),
        _Change('"CATALOG.JSON INLINE DATA"', _as_script(catalog)),
    ]
    page = template
    for change in (*_CHANGES, *inline):
        if (found := page.count(change.old)) != change.times:
            raise DocsFailed(
                f"dbt's docs page is not the one that loaders/docs_site/page.py knows: {change.old[:60]!r} stands in it {found} times "
                f"instead of {change.times}. After an upgrade of dbt-core, look at the page and adapt the change."
            )
        page = page.replace(change.old, change.new)
    return page


def _as_script(data: Mapping[str, Any]) -> str:
    """JSON that may stand within a script: no text of it can end the script element."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c").replace("\u2028", "\\u2028")

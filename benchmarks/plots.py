"""Draws a run's results; run by the Python of its own environment: ``plots.py RESULTS.json``. Writes SVG and PNG beside them."""

import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib.pyplot as plt

_STYLE = {"svg.hashsalt": "fortress", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
_FIGURES = {
    "hours": ("Loading and building", ["first", "hour", "30 topics", "nothing"]),
    "reading": (
        "Reading the published tables, and physical copies of them",
        ["read: current, counted", "read: current, grouped", "read: as of, grouped", "read: one record's life"],
    ),
    "mirror": (
        "Mirroring over SFTP on loopback",
        ["mirror: many small files", "mirror: many small files, 40 ms", "mirror: one large file", "mirror: one large file, 40 ms"],
    ),
}
_TITLES = {
    "first": "first load", "hour": "one more hour, one topic of thirty", "30 topics": "one more hour, all thirty topics",
    "nothing": "nothing new",
    "mirror: many small files": "2,000 files of 20 KB", "mirror: many small files, 40 ms": "2,000 files of 20 KB, 40 ms round trip",
    "mirror: one large file": "one file of 500 MB", "mirror: one large file, 40 ms": "one file of 500 MB, 40 ms round trip",
}  # fmt: skip
_OURS, _LIMIT, _OTHERS = "#1b6ca8", "#6b6b6b", "#d9a441"


def draw(results: dict[str, Any], target: Path) -> list[Path]:
    """The figures of which something was measured."""
    written = []
    for name, (title, parts) in _FIGURES.items():
        there = [part for part in parts if any(sample["part"] == part for sample in results["samples"])]
        if there:
            written += _figure(results, title, there, target.with_name(f"{target.stem}-{name}"))
    return written


def _figure(results: dict[str, Any], title: str, parts: list[str], target: Path) -> list[Path]:
    rows = (len(parts) + 1) // 2
    figure, axes = plt.subplots(rows, min(2, len(parts)), figsize=(12 if len(parts) > 1 else 6.5, 2.9 * rows + 0.6), squeeze=False)
    for axis in axes.flat[len(parts) :]:
        axis.set_visible(False)
    for axis, part in zip(axes.flat, parts, strict=False):
        _bars(axis, part, [sample for sample in results["samples"] if sample["part"] == part])
    machine = results["machine"]
    figure.suptitle(f"{title}: medians, least and most\n", fontsize=12)
    sizes = ", ".join(dict.fromkeys(sample["size"] for sample in results["samples"] if sample["size"] != "-"))
    figure.text(
        0.5,
        0.005,
        f"{f'size {sizes}; ' if sizes else ''}{machine['began_at'][:10]}, {machine['cores']} cores, DuckDB {machine['duckdb']}",
        ha="center",
        fontsize=8,
    )
    figure.tight_layout(rect=(0, 0.02, 1, 1))
    paths = [target.with_name(f"{target.name}.{form}") for form in ("svg", "png")]
    for path in paths:
        figure.savefig(path, dpi=120, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)
    return paths


def _bars(axis: Any, part: str, samples: list[dict[str, Any]]) -> None:
    """One bar for each who and size, the quickest on top."""
    walls: dict[str, list[float]] = {}
    sizes = {sample["size"] for sample in samples}
    for sample in samples:
        label = f"{sample['who']} ({sample['size']})" if len(sizes) > 1 else sample["who"]
        walls.setdefault(label, []).append(sample["wall"])
    ordered = sorted(walls, key=lambda who: -median(walls[who]))
    middles = [median(walls[who]) for who in ordered]
    lower, upper = ([abs(most(walls[who]) - median(walls[who])) for who in ordered] for most in (min, max))
    colours = [_colour(who) for who in ordered]
    axis.barh(ordered, middles, xerr=[lower, upper], color=colours, error_kw={"lw": 0.8, "ecolor": "#333"}, height=0.65)
    for place, (who, middle) in enumerate(zip(ordered, middles, strict=True)):
        axis.text(max(walls[who]) + 0.01 * max(max(one) for one in walls.values()), place, f" {_seconds(middle)}", va="center", fontsize=8)
    axis.set_title(_TITLES.get(part, part.removeprefix("read: ")), fontsize=10, loc="left")
    axis.set_xlim(0, 1.18 * max(max(one) for one in walls.values()))
    axis.set_xlabel("seconds")


def _colour(who: str) -> str:
    if who.endswith("physical") or who.startswith(("plain SQL", "dbt's bare", "a copy")):
        return _LIMIT
    return _OURS if who.startswith("ours") else _OTHERS


def _seconds(value: float) -> str:
    return f"{value * 1000:.1f} ms" if value < 0.1 else f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


if __name__ == "__main__":
    plt.switch_backend("Agg")
    plt.rcParams |= _STYLE
    source = Path(sys.argv[1])
    for path in draw(json.loads(source.read_text(encoding="utf-8")), source):
        print(path)

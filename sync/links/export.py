"""Writes the curves of an evaluation to a file: CSV, JSON with every proposal as well, or a picture (SVG)."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tieline.connectors.errors import ConfigError
from tieline.sync.links.figures import Figures
from tieline.sync.links.replay import Replay

_HEADER = ("relation", "kind", "threshold", "proposed", "right", "ties", "precision", "recall")


def write_export(path: Path, replayed: Replay, found: Sequence[Figures]) -> None:
    """Every point of every curve, with the counts behind it. OSError if the file cannot be written.

    ConfigError for a picture where what draws it is not installed.
    """
    rows = [row for each in found for row in _points(each)]
    if path.suffix == ".json":
        proposals = [
            {
                "incident": a.incident, "relation": a.relation, "target": a.target, "kind": a.kind,
                "score": round(a.score, 6), "at": a.at.isoformat(), "right": a.right, "reason": a.reason,
            }
            for a in replayed.attempts
        ]  # fmt: skip
        curves = [dict(zip(_HEADER, row, strict=True)) for row in rows]
        path.write_text(
            json.dumps({"curves": curves, "proposals": proposals}, indent=1) + "\n", encoding="utf-8"
        )
        return
    if path.suffix == ".svg":
        _draw(path, [dict(zip(_HEADER, row, strict=True)) for row in rows if row[4]])
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_HEADER)
        writer.writerows(rows)


def _points(each: Figures) -> list[tuple[Any, ...]]:
    return [
        (
            each.relation, each.kind, round(point.threshold, 6), point.proposed, point.right, point.ties,
            round(point.precision, 4), round(point.recall, 4),
        )
        for point in each.curve
    ]  # fmt: skip


def _draw(path: Path, rows: list[dict[str, Any]]) -> None:
    """Precision over recall, a line for each kind of evidence."""
    try:
        import vl_convert
    except ImportError:
        raise ConfigError(
            "A picture wants the extra `pictures`: pip install 'tieline[pictures]'; or name a .csv file"
        ) from None
    chart = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": "Proposed problems and changes",
        "data": {"values": rows},
        "width": 520,
        "height": 320,
        "mark": {"type": "line", "interpolate": "step-after"},
        "encoding": {
            "x": {"field": "recall", "type": "quantitative", "title": "recall (ties that were proposed)"},
            "y": {
                "field": "precision",
                "type": "quantitative",
                "title": "precision (proposals that were right)",
            },
            "color": {"field": "kind", "type": "nominal", "title": "evidence"},
            "order": {"field": "proposed", "type": "quantitative"},
        },
    }
    path.write_text(str(vl_convert.vegalite_to_svg(chart)), encoding="utf-8")

"""Writes the curves of an evaluation to a file, for a plot: CSV, or JSON with every proposal as well."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tieline.sync.links.figures import Figures
from tieline.sync.links.replay import Replay

_HEADER = ("relation", "kind", "threshold", "proposed", "right", "ties", "precision", "recall")


def write_export(path: Path, replayed: Replay, found: Sequence[Figures]) -> None:
    """Every point of every curve, with the counts behind it. OSError if the file cannot be written."""
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

"""A world whose configuration carries files over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tieline.connectors.memory import Row
from tieline.sync.attachments.model import Carried

from .world import World


class Files(World):
    """A world whose configuration carries files over."""

    def __init__(self, folder: Path, **attachments: Any) -> None:
        asked = {"every": "1s", "folder": str(folder / "spool"), **attachments}
        super().__init__(attachments=asked)
        self.spool = folder / "spool"

    def names(self, row: Row) -> list[str]:
        return [file.name for file, _ in row.files]

    def known(self) -> list[Carried]:
        pairs = [pair.id for pair in self.pairs()]
        with self.store.read() as tx:
            return [row for rows in tx.files_of(pairs).values() for row in rows]

    @property
    def transfers(self) -> tuple[int, int]:
        """Contents fetched and files sent in the last pass."""
        return self.asked["content"], self.asked["Attach"]


def contents(row: Row) -> list[bytes]:
    return [content for _, content in row.files]

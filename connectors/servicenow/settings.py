"""How Tieline uses one ServiceNow table: which fields, where its marks go, how much is asked at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from tieline.connectors.base import FieldKind
from tieline.connectors.errors import ConfigError

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class ServiceNowSettings:
    """One table and its mirrored `fields` (column name -> kind).

    `marker` and `link` are the columns that hold a mirror's marker and the other half's key (`link` "" for
    none); `overlap` is how far back the feed reaches again. `ties` are columns that refer to other records,
    with the kind of those (`Target.kind`). `page_size` rows are asked of the feed at once, `read_batch`
    records by id, and `batch_size` writes go into one request of the Batch API.
    """

    table: str
    fields: Mapping[str, FieldKind]
    marker: str = "correlation_id"
    link: str = "correlation_display"
    overlap: timedelta = timedelta(minutes=2)
    page_size: int = 1000
    read_batch: int = 100
    batch_size: int = 20
    ties: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    watched: Mapping[str, FieldKind] = field(default_factory=lambda: MappingProxyType({}))
    """Columns that are read and never written, some over references (`caller_id.vip`)."""

    def __post_init__(self) -> None:
        shown = (self.link,) if self.link else ()
        for name in (self.table, self.marker, *shown, *self.fields, *self.ties):
            if not _NAME.fullmatch(name):
                raise ConfigError(f"not the name of a ServiceNow table or column: {name!r}")
        for name in self.watched:
            if not all(_NAME.fullmatch(part) for part in name.split(".")):
                raise ConfigError(f"not the name of a ServiceNow column: {name!r}")
        if self.marker == self.link or self.marker in self.fields:
            raise ConfigError(f"the marker needs a column of its own, {self.marker!r} is used twice")
        if min(self.page_size, self.read_batch, self.batch_size) < 1 or self.overlap < timedelta(0):
            raise ConfigError("page_size, read_batch and batch_size start at 1, overlap at 0")

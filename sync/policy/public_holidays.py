"""Public holidays of one country, from the `holidays` library without the other two hundred countries.

Asked by a code, the library imports every country, which takes longer than all else that a check does. Here
the module of one is loaded; where the library keeps it elsewhere, it is asked in its usual way.
"""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any


def holidays_of(country: str, subdivision: str | None) -> Any:
    """The public holidays of a country or a part of it. KeyError or NotImplementedError if it is unknown."""
    import holidays

    made = _one(Path(holidays.__file__).parent, country.upper())
    if made is None:
        return holidays.country_holidays(country, subdiv=subdivision)
    return made(subdiv=subdivision)


def _one(library: Path, code: str) -> Any:
    """What makes the holidays of one country; None where it is not where it is expected."""
    from holidays.registry import COUNTRIES

    for module, (name, *codes) in COUNTRIES.items():
        if code in codes:
            spec = spec_from_file_location(f"_tieline_{module}", library / "countries" / f"{module}.py")
            if spec is None or spec.loader is None:
                return None
            loaded = module_from_spec(spec)
            try:
                spec.loader.exec_module(loaded)
            except (ImportError, OSError):
                return None
            return getattr(loaded, name, None)
    return None

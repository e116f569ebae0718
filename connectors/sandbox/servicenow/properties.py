"""System properties of the instance, by the names administrators know; what they do is said elsewhere."""

from __future__ import annotations

from typing import Final

STRICT_QUERIES: Final = "glide.invalid_query.returns_no_rows"
FREE_CHOICES: Final = "glide.rest.choice.allow_non_existing_value"
AUTOCLOSE_DAYS: Final = "glide.ui.autoclose.time"


class Properties(dict[str, str]):
    """Values by name, as text; what is absent has its default."""

    def on(self, name: str) -> bool:
        """Whether a property is "true"."""
        return self.get(name) == "true"

    def days(self, name: str) -> float | None:
        """A number of days; None where it is absent or not above 0."""
        days = float(self.get(name) or 0)
        return days if days > 0 else None

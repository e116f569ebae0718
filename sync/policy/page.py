"""One page about a finding: what it means, why it matters, what to do, and a case of it with its cure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """One code. `bad` shows the finding, `good` does not; `snapshot` is metadata for both checks."""

    code: str
    title: str
    severity: str
    what: str
    remedy: str
    bad: str
    good: str
    snapshot: str = ""


def text(page: Page) -> str:
    """The page as Markdown."""
    parts = [
        f"## {page.code}", f"**{page.title}** ({page.severity})", page.what, f"What to do: {page.remedy}",
        *([f"With this metadata:\n\n```json\n{page.snapshot.strip()}\n```"] if page.snapshot else []),
        f"Found here:\n\n```toml\n{page.bad.strip()}\n```", f"Not here:\n\n```toml\n{page.good.strip()}\n```",
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"

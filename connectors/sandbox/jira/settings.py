"""The switches of the Jira stand-in: where sites differ, or where the real thing is not known for sure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

TEXT_LIMIT: Final = 32_767


@dataclass(slots=True)
class Settings:
    """How this site behaves; it may be changed while it is served. The defaults are an ordinary site.

    `text_limit` counts characters of wiki markup (0: none). `token_life` is how long a page token of a search
    holds. The `bump_*` switches say what besides a change of a field moves `updated`.
    """

    text_limit: int = TEXT_LIMIT
    token_life: timedelta = timedelta(days=7)
    bump_on_comment: bool = True
    bump_on_link: bool = True
    bump_on_remote_link: bool = False
    bump_on_property: bool = False
    bump_on_unchanged: bool = False
    """An edit that changes nothing moves `updated` all the same."""
    strict_jql: bool = True
    """A search for an issue key or id that does not exist is refused, as Jira does."""
    epoch_in_bulk_changelog: bool = True
    """`created` is epoch milliseconds in bulk changelogs: so seen, although the schema says a date."""
    newest_first_in_expand: bool = True
    """`expand=changelog` lists the newest entry first (Cloud; Data Center lists the oldest first)."""
    unreported_resolution: bool = False
    """A transition's fields do not mention a resolution that its validator asks for."""
    upload_limit: int = 1 << 30
    """Bytes of the largest file that is taken; a larger one is refused (413)."""
    hang_limits: bool = True
    """An issue holds so many comments, links and attachments, and no more (413)."""
    embedded_comments: int = 100
    """So many of its first comments an issue tells along with its fields; `total` counts them all."""
    unstable_ties: bool = False
    """Search shuffles results whose sort keys tie (Data Center, between pages)."""

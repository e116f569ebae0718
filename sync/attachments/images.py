"""Which picture of a text is which file on the other side: for comments and texts that show their images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from tieline.connectors.base import Attachment, Side, other
from tieline.connectors.richtext import from_adf, to_adf
from tieline.connectors.richtext.hooks import Image, ImageHook
from tieline.sync.attachments.aspect import FilesPart

if TYPE_CHECKING:
    from tieline.sync.work import Work


_BY_NAME: Final = "/secure/attachment/"
"""In the addresses of Jira Data Center, whose markup shows files by their names."""


def image_hook(work: Work, to: Side) -> ImageHook:
    """Answers with the copy, on the side `to`, of the file that a picture shows; None where there is none.

    A picture names its file (`name`, or `id`), or its address holds the file's id.
    """
    part = files_of(work)
    copies = {} if part is None else _copies(part, to)

    def find(image: Image) -> Image | None:
        file = _meant(image, copies)
        copy = None if file is None else copies[file]
        if copy is None or not copy.url:
            return None
        named = to == "jira" and _BY_NAME in copy.url
        return Image(copy.name, copy.name) if named else Image(copy.name, copy.id, copy.url)

    return find


def pending(work: Work, to: Side, images: Iterable[Image]) -> bool:
    """Whether a file that one of these pictures shows is on its way to the side `to`: the text can wait."""
    part = files_of(work)
    if part is None:
        return False
    going = [file for file in part.found().send if file.ref.side == other(to) and not part.is_aside(file)]
    arrived = [file for file, copy in _copies(part, to).items() if not copy.url]
    waiting = [*going, *arrived]  # where a copy can be seen is told when it is listed, by the next pass
    return any(_shows(image, file) for image in images for file in waiting)


def pictured(work: Work, to: Side, text: str) -> str | None:
    """A canonical text whose pictures show the copies on the side `to`; None while one is on its way there.

    A picture without a copy becomes its name. Where files are not carried over, the text stays as it is.
    """
    if files_of(work) is None or not any(sign in text for sign in ("<media", "![")):
        return text
    document, met = to_adf(text), list[Image]()
    from_adf(document, image=met.append)
    if pending(work, to, met):
        return None
    return from_adf(document, image=image_hook(work, to)) or ""


def files_of(work: Work) -> FilesPart | None:
    """The files of a pair as they were read for this wave; None where files are not carried over."""
    return next((part for part in work.parts or () if isinstance(part, FilesPart)), None)


def _copies(part: FilesPart, to: Side) -> Mapping[Attachment, Attachment]:
    """By file of the side across its counterpart on the side `to`."""
    there = {file.id: file for file in part.files[to]}
    partners = part.found().partners
    pairs = ((file, there.get(partners.get((file.ref.side, file.id), ""))) for file in part.files[other(to)])
    return {file: copy for file, copy in pairs if copy is not None}


def _meant(image: Image, copies: Iterable[Attachment]) -> Attachment | None:
    """The newest of the files that a picture may show: of one name, the last is meant."""
    found = [file for file in copies if _shows(image, file)]
    return max(found, key=lambda file: (file.created, len(file.id), file.id), default=None)


def _shows(image: Image, file: Attachment) -> bool:
    if image.id and image.id == file.id:
        return True
    if image.url and (
        image.url == file.url or f"sys_id={file.id}" in image.url or f"/{file.id}" in image.url
    ):
        return True
    return bool(image.name) and image.name.casefold() == file.name.casefold()

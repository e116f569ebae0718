"""Pictures in journal entries: those of the instance's own files, wherever they stand, and no others."""

from __future__ import annotations

import pytest

from tieline.connectors.richtext import from_servicenow, to_servicenow
from tieline.connectors.servicenow.pictures import pictures_read, pictures_written

BASE = "https://example.service-now.com"
ID = "0123456789abcdef0123456789abcdef"
WHOLE = f"{BASE}/sys_attachment.do?sys_id={ID}"


@pytest.mark.parametrize(
    "source",
    [
        f"/sys_attachment.do?sys_id={ID}",
        f"sys_attachment.do?sys_id={ID}",
        WHOLE,
        f"{BASE}/sys_attachment.do?view=true&amp;sys_id={ID}",
        f"/sys_attachment.do?sys_id={ID}&amp;t=1",
    ],
)
@pytest.mark.parametrize("around", ["<p>See {}</p>", "<p>See</p>{}", "See {}"])
def test_a_picture_of_an_own_file_is_one(source: str, around: str) -> None:
    picture = f'<img src="{source}" alt="shot.png">'
    entry = f"[code]{around.replace('{}', picture)}[/code]"
    text = from_servicenow(entry, image=pictures_read(BASE)) or ""
    assert f"![shot.png]({WHOLE})" in text
    assert text.startswith("See")


@pytest.mark.parametrize(
    "source",
    [
        f"https://evil.example/sys_attachment.do?sys_id={ID}",
        f"{BASE}.evil.example/sys_attachment.do?sys_id={ID}",
        "https://evil.example/pixel.gif",
        "/sys_attachment.do?sys_id=../../x",
        "javascript:alert(1)",
        f"data:image/png;base64,{ID}",
    ],
)
def test_any_other_picture_is_its_name(source: str) -> None:
    entry = f'[code]<p>See <img src="{source}" alt="x.png"></p>[/code]'
    text = from_servicenow(entry, image=pictures_read(BASE))
    assert "![" not in (text or "")
    assert "x.png" in (text or "")


def test_only_own_files_are_written_as_pictures() -> None:
    assert f'src="{WHOLE}"' in to_servicenow(f"See\n\n![shot.png]({WHOLE})", image=pictures_written)
    assert "<img" not in to_servicenow("See\n\n![x](https://evil.example/x.png)", image=pictures_written)

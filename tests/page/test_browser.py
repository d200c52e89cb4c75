"""The page in a real Chromium: in light and in dark, and without any request."""

from __future__ import annotations

import html
from pathlib import Path

import pytest

from tests.support.browser import Scheme, dom, first_pixel, screenshot
from tests.support.http_server import Handler, serving
from tests.support.page import whole_run
from workbench.page import render
from workbench.page.content import Content

pytestmark = pytest.mark.services


@pytest.mark.parametrize(("scheme", "ground"), [("light", (0xF6, 0xF8, 0xFA)), ("dark", (0x0D, 0x11, 0x17))])
def test_the_page_follows_the_readers_scheme(tmp_path: Path, scheme: Scheme, ground: tuple[int, int, int]) -> None:
    """The ground of the page has the colour of the scheme."""
    page, picture = tmp_path / "page.html", tmp_path / "page.png"
    page.write_text(render.html(Content.of(tmp_path / "home", whole_run(tmp_path / "home", "words"))))
    screenshot(page, picture, scheme)
    assert first_pixel(picture) == ground


def test_the_page_makes_no_request_and_runs_no_script(tmp_path: Path) -> None:
    """A model's words ask for a picture, a style and a script, and try to change the title."""
    requests: list[str] = []

    class Listening(Handler):
        def do_GET(self) -> None:  # noqa: N802  # http.server prescribes the name
            requests.append(self.path)
            self.reply(200, b"")

    with serving(Listening) as url:
        hostile = (
            f"</title></style><img src={url}/picture><link rel=stylesheet href={url}/style>"
            f"<script>document.title='taken'; fetch('{url}/script')</script>"
        )
        page = tmp_path / "page.html"
        page.write_text(render.html(Content.of(tmp_path / "home", whole_run(tmp_path / "home", hostile))))
        elements = dom(page)
    assert requests == []
    assert "<title>study_one · " in elements
    assert "<script>" not in elements


#: Shows a page in a frame, and writes as its title by how many pixels the page and its widest part are too wide.
FRAME = """<iframe srcdoc="{page}" style="border: 0; width: {width}px; height: 900px" onload="
const page = this.contentDocument, parts = [...page.querySelectorAll('{parts}')];
document.title = Math.max(...parts.map(part => part.scrollWidth - part.clientWidth))"></iframe>"""


@pytest.mark.parametrize(
    ("width", "media", "parts"),
    [
        pytest.param(400, "print", "html, section", id="a telephone"),
        pytest.param(700, "all", "html, section, .wide, .picture", id="paper"),
    ],
)
def test_nothing_is_cut_off(tmp_path: Path, width: int, media: str, parts: str) -> None:
    """On a telephone, wide parts scroll within their section. Paper cannot scroll, so all parts fit into its width.

    The rules for paper are applied to the screen, because only the screen can be measured.
    """
    page, frame = render.html(Content.of(tmp_path / "home", whole_run(tmp_path / "home", "words"))), tmp_path / "f.html"
    page = page.replace("@media print", f"@media {media}")
    frame.write_text(FRAME.format(page=html.escape(page), width=width, parts=parts))
    assert "<title>0</title>" in dom(frame)

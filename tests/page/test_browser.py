"""The page in a real Chromium: in light and in dark, and without any request."""

from __future__ import annotations

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

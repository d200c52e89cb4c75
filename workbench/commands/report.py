"""`workbench report`: write a run with everything that is known about it as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from workbench.commands.output import JsonFile, console_beside, refuse_unwritable, write_json, write_output
from workbench.errors import UserError
from workbench.run.folder import RunFolder
from workbench.system.home import home

HtmlFile = Annotated[Path | None, Parameter(name="--html", validator=refuse_unwritable, allow_leading_hyphen=True)]


def report(run: str = "latest", /, *, html_file: HtmlFile = None, json_file: JsonFile = None) -> int:
    """Write a run as one HTML page, which needs no network: scores, prompts, reasons, cost and the champion over time.

    Parameters
    ----------
    run
        The run's name, the beginning of its name, or `latest`, the newest run with a result.
    html_file
        A file for the page.
    json_file
        A file for the data of the page as JSON.
    """
    if html_file is None and json_file is None:
        raise UserError("workbench report has nothing to write; expected a file: add --html FILE or --json FILE")
    # Imported here to keep the start of other commands fast.
    from workbench.page.content import Content
    from workbench.page.render import html

    content = Content.of(home(), RunFolder.find(home(), run))
    if html_file is not None:
        write_output(html_file, html(content).encode("utf-8", errors="replace"))
        console_beside(html_file).print(f"wrote {html_file}", markup=False, highlight=False)
    if json_file is not None:
        write_json(json_file, content.to_json())
    return 0

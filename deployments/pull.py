"""Chooses the folder in which a worker executes a flow: the checkout of Workbench, or a new clone of a git repository.

prefect.yaml names the function `working_directory` under `pull`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from prefect.deployments.steps.pull import agit_clone

from workbench.errors import UserError

CHECKOUT = Path(__file__).resolve().parents[1]


async def working_directory(repository: str = "", branch: str = "") -> dict[str, Any]:
    """Change to the folder with the flows and studies, and return it as `directory`.

    Args:
        repository: the URL of a git repository, which is cloned for each flow run. By default, the folder is the
            checkout from which the worker's Workbench is installed.
        branch: the branch of the repository. By default, its default branch.

    Raises:
        UserError: there is no URL, and the worker's Workbench is not installed from a checkout.
    """
    if repository:
        return await agit_clone(repository=repository, branch=branch or None)
    if not (CHECKOUT / "prefect.yaml").is_file():
        raise UserError(
            f"{CHECKOUT} is no checkout of Workbench; expected a checkout, or the URL of a git repository: set "
            "`repository` under pull in prefect.yaml"
        )
    os.chdir(CHECKOUT)
    return {"directory": str(CHECKOUT)}

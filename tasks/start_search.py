"""Start the deployment that searches for a better prompt, without waiting for it."""

from __future__ import annotations

from typing import cast

from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.utilities.urls import url_for

from workbench.errors import UserError
from workbench.providers import digest

#: The deployment that searches, as FLOW/DEPLOYMENT.
SEARCH = "optimize/nightly"


def start_search(study: str, repository: str, commit: str, *, rehearse: bool) -> str:
    """Start a search for a study of a repository at a commit, and return the address of its flow run in the Prefect UI.

    Without a Prefect UI, return the id of the flow run. Its name is not known before it begins. A second call with the
    same arguments starts nothing, and returns the same flow run.

    Raises:
        UserError: the server has no deployment to start.
    """
    parameters = {"study": study, "repository": repository, "commit": commit, "rehearse": rehearse}
    try:
        started = run_deployment(
            SEARCH,
            parameters=parameters,
            timeout=0,
            as_subflow=False,
            idempotency_key=digest("search", study, repository, commit, str(rehearse)),
        )
    except ObjectNotFound as error:
        raise UserError(
            f"the Prefect server has no deployment {SEARCH}; expected the deployments of prefect.yaml: "
            "run prefect --no-prompt deploy --all"
        ) from error
    search = cast("FlowRun", started)
    return url_for(search) or str(search.id)

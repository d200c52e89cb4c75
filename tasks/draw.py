"""The task `draw`: have the judge's model draw criteria, which costs money."""

from __future__ import annotations

from workbench.judging import drawing
from workbench.nouns import DrawnCriteria, DrawRequest
from workbench.tasks.paid import paid


@paid("draw {request.title}", key=lambda parameters: drawing.key_of(parameters["request"]))
def draw(request: DrawRequest) -> DrawnCriteria:
    """Draw the criteria of a goal from its gold plans, and return them."""
    return drawing.draw(request)

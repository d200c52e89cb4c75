"""The task `score`: call the judge, which costs money."""

from __future__ import annotations

from workbench.judging import judge
from workbench.nouns import Plan, ScoreRequest, Verdict
from workbench.tasks.paid import paid


@paid("score {request.title}", key=lambda parameters: parameters["request"].key(parameters["plan"]))
def score(request: ScoreRequest, plan: Plan) -> Verdict:
    """Have the judge compare the plan with the goal's gold plans, and return its verdict."""
    return judge.score(request, plan)

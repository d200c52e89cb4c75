from __future__ import annotations

from workbench.judging import judge
from workbench.nouns import Plan, ScoreRequest, Verdict
from workbench.tasks.paid import paid


@paid("score {request.title}", key=lambda given: given["request"].key(given["plan"]))
def score(request: ScoreRequest, plan: Plan) -> Verdict:
    """Have the judge compare the plan with the goal's gold plans."""
    return judge.score(request, plan)

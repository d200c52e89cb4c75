"""Defines the data types that all packages share: goal, execution, plan, verdict, trial, study and others.

All of them are frozen and compare by value. Threads and processes can exchange them without conversion.
"""

from workbench.nouns.execution import (
    FIRST_CONFIRM_REPLICATE,
    FIRST_EXTRA_REPLICATE,
    FIRST_REQUALIFY_REPLICATE,
    Execution,
    ExecutionRequest,
    Plan,
    replicate_name,
    title,
)
from workbench.nouns.judging import (
    HOLISTIC,
    MOST_CALLS,
    DrawnCriteria,
    DrawRequest,
    Judge,
    KeyedVerdict,
    ScoreRequest,
    Verdict,
)
from workbench.nouns.pipeline import (
    Engine,
    Goal,
    InputFile,
    Pipeline,
    Target,
)
from workbench.nouns.study import (
    Calibration,
    Model,
    ProgramName,
    Promotion,
    Study,
    TaskRunner,
    TaskRunnerName,
)
from workbench.nouns.trial import (
    Trial,
    TrialOutcome,
)

__all__ = [
    "FIRST_CONFIRM_REPLICATE",
    "FIRST_EXTRA_REPLICATE",
    "FIRST_REQUALIFY_REPLICATE",
    "HOLISTIC",
    "MOST_CALLS",
    "Calibration",
    "DrawRequest",
    "DrawnCriteria",
    "Engine",
    "Execution",
    "ExecutionRequest",
    "Goal",
    "InputFile",
    "Judge",
    "KeyedVerdict",
    "Model",
    "Pipeline",
    "Plan",
    "ProgramName",
    "Promotion",
    "ScoreRequest",
    "Study",
    "Target",
    "TaskRunner",
    "TaskRunnerName",
    "Trial",
    "TrialOutcome",
    "Verdict",
    "replicate_name",
    "title",
]

"""Makes the study's program, and the model of its predictor."""

from __future__ import annotations

import dspy

from workbench.run.setting import Setting
from workbench.search.asker import Asker
from workbench.search.models import proposer_lm
from workbench.search.programs import PROGRAMS, Executor, Program, pipeline_lm
from workbench.search.trials import Trials


def program_of(setting: Setting, trials: Trials) -> Program:
    """Return the study's program with the starting prompt."""
    return PROGRAMS[setting.study.program](setting.study.prompt, trials)


def predictor_lm(setting: Setting, executor: Executor, asker: Asker) -> dspy.LM:
    """Return the model of the program's predictor: the pipeline itself, or the model that writes prompts for it."""
    if setting.study.program == "direct":
        return pipeline_lm(executor)
    return proposer_lm(setting, asker, samples=False)

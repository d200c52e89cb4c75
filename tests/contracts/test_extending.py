"""The examples of docs/extending.md work unchanged: each is added to its dict, and does its work in a study."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tests.support.command_line import CHECKOUT, study
from tests.support.flow import Flow
from tests.support.runtimes import PLANNER
from workbench.errors import StudyError
from workbench.execution import runtimes
from workbench.execution.plan import retrieve
from workbench.execution.runtimes import execute, runtime_of
from workbench.judging import judge
from workbench.nouns import Execution, Study
from workbench.providers import rehearsal
from workbench.rehearsal.server import Rehearsal, start
from workbench.run.folder import RunFolder
from workbench.run.setting import Setting
from workbench.search import catalogue
from workbench.search.optimization import optimization
from workbench.search.proposer import propose
from workbench.study.estimate import estimate
from workbench.study.opening import RunOptions, load

pytestmark = pytest.mark.processes

PAGE = CHECKOUT / "docs" / "extending.md"
BLOCKS = re.findall(r"```(python|yaml)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the page's files as modules, and its entries to their dicts, until the block ends."""
    dicts: dict[str, tuple[dict[str, Any], ModuleType]] = {
        "RUNTIMES": (runtimes.RUNTIMES, runtimes),
        "JUDGES": (judge.JUDGES, judge),
        "OPTIMIZERS": (catalogue.OPTIMIZERS, catalogue),
    }
    modules: dict[str, Any] = {}
    for language, text in BLOCKS:
        if language != "python":
            continue
        if path := re.match(r"# (workbench/\S+)\.py\n", text):
            module = ModuleType(path[1].replace("/", "."))
            monkeypatch.setitem(sys.modules, module.__name__, module)
            exec(compile(text, f"{PAGE}: {path[1]}", "exec"), vars(module))  # noqa: S102  # the page is ours
            modules.update(vars(module))
        else:
            name = next(name for name in dicts if text.startswith(name))
            entries, home = dicts[name]
            namespace = {**modules, **vars(home), name: dict(entries)}
            exec(compile(f"from __future__ import annotations\n{text}", str(PAGE), "exec"), namespace)  # noqa: S102  # ours
            assert len(namespace[name]) == len(entries) + 1
            for entry_name, entry in namespace[name].items():
                monkeypatch.setitem(entries, entry_name, entry)


def example(number: int) -> dict[str, Any]:
    """Return the study keys of an example, by its number on the page."""
    keys: dict[str, Any] = yaml.safe_load([text for language, text in BLOCKS if language == "yaml"][number])
    return keys


def write_study(folder: Path, **keys: object) -> Path:
    folder.mkdir(exist_ok=True)
    # A script that asks Gemini for a plan.
    shutil.copy(PLANNER, folder / "plan.py")
    return study(folder, **keys)


def searched(study: Study, running: Rehearsal, home: Path) -> Any:
    """Return the outcome of a whole search, with threads in the place of Prefect's tasks."""
    providers = rehearsal(running.url, running.world, running.seed)
    runtime = runtime_of(study.pipeline.engine)
    runtime.prepare()
    try:
        setting = Setting(study, providers, runtime.version(), RunFolder.create(home, "run"))
        flow = Flow(propose=propose, execute=lambda request: execute(request, home), score=judge.score)
        return flow.answer(optimization(setting))
    finally:
        runtime.close()


def test_the_runtime_executes_a_study(added: None, tmp_path: Path) -> None:
    """Its key is checked like any other key, and its texts are valid plans."""
    keys = {**example(0), "pipeline": None}
    with pytest.raises(StudyError, match=r'scrpt: this key is not known; .* did you mean "script"'):
        load(RunOptions(write_study(tmp_path / "study", **keys, scrpt="plan.py")))
    with pytest.raises(StudyError, match=r'script: "no\.py": there is no such file'):
        load(RunOptions(write_study(tmp_path / "study", **{**keys, "script": "no.py"})))
    study = load(RunOptions(write_study(tmp_path / "study", **keys, optimizer="static", budget=1)))
    with start() as running:
        result = searched(study, running, tmp_path)
        assert running.calls["generator"] == 1
    assert result.baseline.score > 0
    (plan,) = tmp_path.rglob("executions/*/1/plan.yaml")
    assert retrieve(Execution("", plan.read_text(), plan, 0.0)).ok


def test_the_judge_scores_a_study(added: None, tmp_path: Path) -> None:
    """A study may then name a model of Anthropic."""
    study = load(RunOptions(write_study(tmp_path / "study", **example(1), optimizer="static", budget=1)))
    assert study.judge.provider == "anthropic"
    with start() as running:
        setting = Setting(study, rehearsal(running.url, running.world, running.seed), "1", RunFolder(tmp_path))
        verdict = Flow(score=judge.score).answer(optimization(setting)).baseline
        assert running.calls["judge"] == 1
    assert 0 <= verdict.score <= 10


def test_the_optimizer_finds_a_better_prompt(added: None, tmp_path: Path) -> None:
    """It stays within its budget. `check` names its summary and its smallest useful budget."""
    with pytest.raises(StudyError, match="reword needs at least 2 for 1 goal"):
        load(RunOptions(write_study(tmp_path / "study", **example(2), budget=1)))
    study = load(RunOptions(write_study(tmp_path / "study", **example(2), **example(0), pipeline=None, budget=6)))
    assert "keeps the best wording" in estimate(study, tmp_path).text
    with start() as running:
        result = searched(study, running, tmp_path)
    assert result.best.score > result.baseline.score
    assert 2 <= result.spent <= 6
    assert result.ended == "optimizer"

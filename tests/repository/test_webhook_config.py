"""Tests of the webhook's configuration: every mistake is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import UserError
from workbench.repository.webhook_config import Watched, read_config

URL = "https://github.com/me/mine.git"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "- a\n[",
            ["2: this is no YAML (expected <block end>, but found '['); expected a list of entries {repository, "],
        ),
        ("", ["1: expected a list, got nothing; expected a list of entries {repository, branch, study, paths}"]),
        ("[]", ["1: the list is empty; expected at least one item; expected a list of entries {repository, "]),
        (f"repository: {URL}", ["1: expected a list, got keys "]),
        (f"- repository: {URL}\n  branch: main", ["1: [0].study: this key is missing"]),
        (
            f"- {{repository: {URL}, branch: main, study: s}}\n- repository: ''\n  branch: 1\n  study: s\n  path: [x]",
            [
                "2: [1].repository: expected a text, got an empty one",
                "3: [1].branch: expected a text, got a number 1; put it in quotes",
                '5: [1].path: this key is not known; expected repository, branch, study, paths; did you mean "paths"?',
            ],
        ),
        (
            "- repository: /nowhere\n  branch: HEAD\n  study: s",
            [
                '2: [0].branch: "HEAD" is no name of a branch; expected a name such as main',
                "1: [0].repository: there is no folder /nowhere; expected the URL or the folder of a git repository",
            ],
        ),
        (
            f"- {{repository: ~nobody-of-this-name/x, branch: main, study: s}}\n"
            f"- {{repository: /{'x' * 5000}, branch: main, study: s}}",
            ["1: [0].repository: there is no folder ~nobody", "2: [1].repository: there is no folder /xxx"],
        ),
        (
            "\n".join(
                f"- {{repository: {URL}, branch: main, study: {path}}}" for path in ("../s.yaml", "/s.yaml", ".")
            ),
            [
                '1: [0].study: "../s.yaml" is no path inside the repository; expected studies/study.yaml, say',
                '2: [1].study: "/s.yaml" is no path inside the repository',
                '3: [2].study: "." is no path inside the repository',
            ],
        ),
        (
            f"- {{repository: {URL}, branch: main, study: s}}\n- {{repository: {URL}, branch: main, study: t}}\n"
            f"- {{repository: 'git@github.com:me/mine', branch: main, study: ./s, paths: [a]}}",
            ["3: [2]: [0] has the same repository, branch and study; expected one entry, with the patterns of both"],
        ),
        (f"- {{repository: {URL}, branch: 2026-02-30, study: s}}", [" this is no YAML (day is out of range for month"]),
    ],
)
def test_each_mistake_is_named_with_its_line(tmp_path: Path, text: str, problems: list[str]) -> None:
    """An entry that can never lead to a check of a study is a mistake, too."""
    file = tmp_path / "webhook.yaml"
    file.write_text(text)
    with pytest.raises(UserError) as refused:
        read_config(file)
    lines = str(refused.value).split("\n")
    assert len(lines) == len(problems)
    for line, problem in zip(lines, problems, strict=True):
        assert line.startswith(f"{file}:{problem}")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing cannot be read \(No such file or directory\)"):
        read_config(tmp_path / "nothing")


def test_a_url_and_a_folder_can_be_watched(tmp_path: Path) -> None:
    file = tmp_path / "webhook.yaml"
    entries = [Watched(repository=place, branch="a/b", study="s", paths=["x/**"]) for place in (URL, str(tmp_path))]
    file.write_text("\n".join(f"- {entry.model_dump_json()}" for entry in entries))
    assert read_config(file) == entries

"""Tests of the files of champions."""

from __future__ import annotations

import calendar
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.champion.champion import Champion, read
from workbench.champion.champions import Champions
from workbench.errors import ChampionNotFound, ChampionUnreadable, NotPromoted

CHAMPION = Champion(
    number=7,
    run="20260101-000000-abcdef",
    date="2026-01-01T03:00:00Z",
    score=8.1,
    low=7.9,
    high=8.3,
    level=0.98,
    baseline=3.1,
    commit="a" * 40,
    models={"judge": "gemini/gemini-4-argon"},
    reason="better: “beyond chance”",
    scores={"only": [8.0, 8.2]},
    text="Order the stages.\n\n---\nnot: front matter\n---\n",
)
KEYS = "number run date score low high level baseline commit models reason".split()


@pytest.fixture
def champions(tmp_path: Path) -> Champions:
    return Champions("mine", tmp_path / "prompts" / "mine", "Write the plan.")


def test_a_champion_is_kept_in_a_file_for_people(champions: Champions) -> None:
    """Front matter comes first, then the prompt as it is. Reading gives the same champion."""
    added = champions.add(CHAMPION)
    assert added.file == champions.folder / "0007.md"
    content = added.file.read_text()
    front_matter, prompt = content.removeprefix("---\n").split("\n---\n", 1)
    assert [line.split(":")[0] for line in front_matter.splitlines() if line[0] not in " -"] == [*KEYS, "scores"]
    assert prompt == f"{CHAMPION.text}\n"
    assert read(added.file) == added
    assert [file.name for file in champions.folder.iterdir()] == ["0007.md"]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1))
def test_every_prompt_survives(text: str) -> None:
    """A model wrote the prompt, and it may hold anything."""
    if text.strip():
        with tempfile.TemporaryDirectory() as folder:
            champions = Champions("mine", Path(folder), "first")
            champions.add(CHAMPION.model_copy(update={"text": text}))
            assert champions.current().text == text


def test_without_files_the_starting_prompt_is_the_first_champion(champions: Champions) -> None:
    (champion,) = champions.all()
    assert (champion.number, champion.text, champion.file) == (1, "Write the plan.", None)
    assert not champions.folder.exists()


def test_the_highest_number_is_in_use(champions: Champions) -> None:
    """Files that are no champions are ignored."""
    for number in (1, 2, 10_000):
        champions.add(CHAMPION.model_copy(update={"number": number}))
    (champions.folder / "notes.md").write_text("mine")
    assert [champion.number for champion in champions.all()] == [1, 2, 10_000]
    assert champions.current().number == 10_000
    assert champions.numbered(2).number == 2
    with pytest.raises(ChampionNotFound, match="mine has no champion 3; expected one of 1, 2, 10000"):
        champions.numbered(3)


def test_a_file_is_never_overwritten(champions: Champions) -> None:
    """Two promotions at the same time take the same number. The second is refused."""
    added = champions.add(CHAMPION)
    assert added.file is not None
    with pytest.raises(NotPromoted, match="was written meanwhile"):
        champions.add(CHAMPION.model_copy(update={"text": "another"}))
    assert read(added.file).text == CHAMPION.text


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"Write the plan.", "no front matter"),
        (b"---\nnumber: 7\n", "no front matter"),
        (b"---\n: [\n---\ntext\n", "is no YAML"),
        (b"---\n- 7\n---\ntext\n", "has no keys"),
        (b"---\nreason: x\n---\ntext\n", "number: Field required"),
        (b"---\nnumber: 7\nscore: 11.0\n---\ntext\n", "score: .*, got 11.0"),
        (b"---\nnumber: 7\nrun: ../elsewhere\n---\ntext\n", "run: .*, got .*elsewhere"),
        (b"---\nnumber: 8\n---\ntext\n", "its number is 8, and its name says 0007"),
        (b"---\nnumber: 7\n---\n \n", "no prompt"),
        (
            b"---\nnumber: 7\ndate: 'yesterday'\n---\ntext\n",
            "date: expected a date such as 2026-11-26, got 'yesterday'",
        ),
        (b"---\r\nnumber: 7\r\n---\r\ntext\r\n", "its lines end with CR and LF"),
        (b"\xef\xbb\xbf---\nnumber: 7\n---\ntext\n", "it begins with a byte order mark"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_a_damaged_file_is_named_with_its_problem(champions: Champions, content: bytes, problem: str) -> None:
    champions.folder.mkdir(parents=True)
    (champions.folder / "0007.md").write_bytes(content)
    with pytest.raises(ChampionUnreadable, match=rf"0007\.md cannot be read as a champion: .*{problem}"):
        champions.current()


def test_a_file_that_a_person_edited_is_read(champions: Champions) -> None:
    """YAML reads a date without quotes as a date. A score may be a whole number."""
    champions.folder.mkdir(parents=True)
    content = b"---\nnumber: 7\ndate: 2026-01-02T03:04:05\nscore: 8\n---\nOne.\nTwo.\n"
    (champions.folder / "0007.md").write_bytes(content)
    champion = champions.current()
    assert (champion.date, champion.score, champion.text) == ("2026-01-02T03:04:05", 8.0, "One.\nTwo.")


@pytest.mark.parametrize(
    ("date", "hour"),
    [("2026-01-02", 0), ("'2026-01-02'", 0), ("2026-01-02T03:00:00", 3), ("'2026-01-02T03:00:00+02:00'", 1)],
)
def test_a_date_that_a_person_wrote_is_a_moment(champions: Champions, date: str, hour: int) -> None:
    """The page of a run shows the champions over time. A date without a time zone is in UTC."""
    champions.folder.mkdir(parents=True)
    (champions.folder / "0007.md").write_text(f"---\nnumber: 7\ndate: {date}\n---\nOne.\n")
    assert champions.current().at == calendar.timegm((2026, 1, 2, hour, 0, 0))

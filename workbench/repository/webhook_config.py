"""Reads the configuration of the webhook: the branches that are looked at when a push to them is delivered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from workbench.errors import Problem, UserError
from workbench.fields import Form, KeyPath, Text, dotted, key_names, misfit, nearest
from workbench.repository.addresses import URL, folder_at, normalized
from workbench.repository.repository import path_inside


class Watched(Form):
    """One entry of the configuration: a branch that is looked at when a push to it is delivered."""

    repository: Text
    branch: Text
    study: Text
    paths: list[Text] = Field(default_factory=list)


#: What a configuration is, for a message.
EXPECTED = "expected a list of entries {repository, branch, study, paths}"


def read_config(file: Path) -> list[Watched]:
    """Return the entries of a configuration file.

    Raises:
        UserError: the file cannot be read, or has mistakes. Each mistake is a line with the file and the line number.
    """
    try:
        text = file.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        entries = TypeAdapter(Annotated[list[Watched], Field(min_length=1)]).validate_python(yaml.safe_load(text))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UserError(f"{file} cannot be read ({reason}); {EXPECTED}: name such a file with --config") from error
    except ValidationError as error:
        mistakes = error.errors(include_url=False)
        raise _refused(file, root, ((mistake["loc"], _words(mistake)) for mistake in mistakes)) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = None if mark is None else mark.line + 1
        reason = getattr(error, "problem", None) or " ".join(str(error).split())[:150]
        raise UserError(str(Problem(file, line, f"this is no YAML ({reason}); {EXPECTED}"))) from error
    useless = [problem for number, entry in enumerate(entries) for problem in _useless(number, entry)]
    if mistakes_in_use := useless or [*_repeated(entries)]:
        raise _refused(file, root, mistakes_in_use)
    return entries


def _useless(number: int, entry: Watched) -> Iterator[tuple[KeyPath, str]]:
    """Yield why an entry can never lead to a check of a study, each with the key path of the value."""
    if entry.branch == "HEAD" or entry.branch.startswith("refs/"):
        yield (number, "branch"), f'"{entry.branch}" is no name of a branch; expected a name such as main'
    if not URL.match(entry.repository) and not _is_folder(entry.repository):
        message = f"there is no folder {entry.repository}; expected the URL or the folder of a git repository"
        yield (number, "repository"), message
    if path_inside(entry.study) is None:
        yield (number, "study"), f'"{entry.study}" is no path inside the repository; expected studies/study.yaml, say'


def _repeated(entries: Sequence[Watched]) -> Iterator[tuple[KeyPath, str]]:
    """Yield the entries that watch the same as an earlier one. Each head is reported once, so one of them gets none."""
    first: dict[object, int] = {}
    for number, entry in enumerate(entries):
        watched = normalized(entry.repository), entry.branch, path_inside(entry.study)
        if first.setdefault(watched, number) != number:
            message = (
                f"{dotted((first[watched],))} has the same repository, branch and study; expected one entry, with the "
                "patterns of both in paths"
            )
            yield (number,), message


def _is_folder(path: str) -> bool:
    """Return True if there is such a folder, and this user may look at it."""
    try:
        return folder_at(path).is_dir()
    except (OSError, ValueError):
        return False


def _words(mistake: Any) -> str:
    """Return what is wrong with a value, in words. `mistake` is one error of pydantic."""
    if mistake["type"] == "extra_forbidden":
        keys, key = key_names(Watched), str(mistake["loc"][-1])
        return f"this key is not known; expected {', '.join(keys)}{nearest(key, keys)}"
    return f"{misfit(mistake)}; {EXPECTED}" if len(mistake["loc"]) < 2 else misfit(mistake)


def _refused(
    file: Path, root: yaml.Node | None, mistakes: Iterator[tuple[KeyPath, str]] | list[tuple[KeyPath, str]]
) -> UserError:
    """Return the error with all mistakes, each in a line of its own."""
    problems = [
        Problem(file, _line(root, path), f"{dotted(path)}: {words}" if path else words) for path, words in mistakes
    ]
    return UserError("\n".join(map(str, problems)))


def _line(node: yaml.Node | None, path: KeyPath) -> int:
    """Return the line of a key path, from 1; of its longest part if the file does not have the whole path."""
    line = 1 if node is None else node.start_mark.line + 1
    for part in path:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line + 1
        elif isinstance(node, yaml.MappingNode):
            key, node = next(((key, value) for key, value in node.value if key.value == part), (None, None))
            line = line if key is None else key.start_mark.line + 1
    return line

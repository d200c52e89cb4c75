"""Names the rules by which each program reads a pipeline's YAML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

#: A byte order mark that begins a line. libyaml skips it. PyYAML reads it as a part of the text after it.
INNER_MARK = re.compile("(?<=[\ufeff\n\r\x85\u2028\u2029])\ufeff")
#: Line breaks of YAML 1.1 that YAML 1.2 does not have, and every byte order mark except the first.
OLD_BREAKS = re.compile("[\x85\u2028\u2029]|(?<!^)\ufeff")

#: libyaml if PyYAML was built with it, else PyYAML's own parser.
LIBYAML: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: Tags that do not change the meaning of a text, a mapping or a list.
STANDARD_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "map", "seq"))


@dataclass(frozen=True)
class Parser:
    """The rules by which one program reads YAML.

    Attributes:
        loaders: PyYAML's parsers that read like this program. The first that accepts a file is used.
        references: True if anchors and aliases are resolved. If False, they are refused.
        tags: the tags that are accepted; None accepts all.
        doubtful: characters that this program and PyYAML read differently.
    """

    loaders: tuple[Any, ...]
    references: bool
    tags: frozenset[str] | None
    doubtful: re.Pattern[str] = INNER_MARK


#: The rules of our own runtime. It uses libyaml, and refuses anchors, aliases and tags.
FAST_YAML = Parser((LIBYAML,), references=False, tags=frozenset())
#: The rules of pipeline_ex. It accepts some files that only one of PyYAML's two parsers accepts.
YAMERL = Parser((yaml.SafeLoader, LIBYAML), references=True, tags=STANDARD_TAGS, doubtful=OLD_BREAKS)
#: The rules of PyYAML's own parser. Only this parser reports exactly where each scalar begins and ends.
PLACES = Parser((yaml.SafeLoader,), references=True, tags=None)

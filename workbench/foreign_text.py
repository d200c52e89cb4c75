"""Makes a text of a model, a provider or a program safe to show and to keep.

Secrets are taken out, in the forms in which providers and programs echo them. Characters that a terminal or a browser
obeys are replaced.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from functools import partial
from urllib.parse import quote

#: The fewest characters of a secret that is taken out. A shorter key is a dummy, such as `1` behind a gateway. Taking
#: it out of a text would destroy the text.
SHORTEST_SECRET = 8
#: Characters that a terminal or a browser obeys: controls, and those that change the direction of text.
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Return the text without the characters that a terminal or a browser obeys. U+FFFD stands in their places."""
    return CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def storable(text: str) -> str:
    """Return the text with ? in the place of each half of a surrogate pair, which no file and no database can hold.

    An escape in JSON can stand for such a half.
    """
    return text.encode("utf-8", errors="replace").decode()


def one_line(text: str, characters: int | None = None) -> str:
    """Return a text as one printable line of at most `characters` characters. A line that is cut ends in `…`."""
    line = " ".join(printable(text).split())
    return line if characters is None or len(line) <= characters else f"{line[: characters - 1]}…"


def scrubbed(text: str, secrets: Iterable[str]) -> str:
    """Return the text with … in the place of each secret: as it is, percent-encoded, and in base64.

    Secrets with fewer than SHORTEST_SECRET characters stay.
    """
    forms = {form for secret in secrets if len(secret) >= SHORTEST_SECRET for form in _forms(secret)}
    # The longest form comes first, because one form may contain another.
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "…")
    return text


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as it is, percent-encoded, and in base64.

    In base64, a secret looks different at each of three offsets. The characters at both ends also depend on the text
    around the secret, so they are left out.
    """
    yield secret
    escaped = partial(quote, secret, errors="surrogateescape")
    for encoded in (escaped(), escaped(safe=""), escaped(safe=" ").replace(" ", "+")):
        yield encoded
        yield re.sub("%..", lambda escape: escape[0].lower(), encoded)
    data = secret.encode(errors="surrogateescape")
    for encode64 in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            encoded = encode64(b"\0" * offset + data).decode().rstrip("=")
            # These characters hold bits of the zeros before the secret, or of a text after it.
            first = (0, 2, 3)[offset]
            last = len(encoded) - ((offset + len(data)) % 3 != 0)
            yield encoded[first:last]

"""Takes secrets out of texts, in the forms in which providers and programs echo them."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

#: Encoded forms of shorter secrets are too short to be told from other words.
ENCODED_CHARACTERS = 8


def scrubbed(text: str, secrets: Iterable[str]) -> str:
    """Return the text with … in the place of each secret: as it is, percent-encoded, and in base64."""
    forms = {form for secret in secrets for form in _forms(secret)}
    # The longest form comes first, because one form may contain another.
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "…")
    return text


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as it is, percent-encoded, and in base64. Nothing is yielded for an empty secret.

    In base64, a secret looks different at each of three offsets. The characters at both ends also depend on the text
    around the secret, so they are left out.
    """
    if secret:
        yield secret
    if len(secret) < ENCODED_CHARACTERS:
        return
    for encoded in (quote(secret), quote(secret, safe=""), quote_plus(secret)):
        yield encoded
        yield re.sub("%..", lambda escape: escape[0].lower(), encoded)
    data = secret.encode()
    for encode64 in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            encoded = encode64(b"\0" * offset + data).decode().rstrip("=")
            first = (0, 2, 3)[offset]
            last = len(encoded) - ((offset + len(data)) % 3 != 0)
            yield encoded[first:last]

"""Secrets out of log lines, before anything is stored."""

import base64
import re
from collections.abc import Callable, Iterable
from urllib.parse import quote

MASK = "********"
SHORTEST = 6
"""Characters: masking anything shorter would riddle the log with masks and hide nothing."""


def masker(values: Iterable[str]) -> Callable[[str], str]:
    """A function that replaces each value, each line of a value of several lines, and their usual encodings."""
    forms = {form for value in values for part in (value, *value.splitlines()) for form in encodings(part.strip()) if len(form) >= SHORTEST}
    if not forms:
        return lambda text: text
    pattern = re.compile("|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True)))
    return lambda text: pattern.sub(MASK, text)


def encodings(value: str) -> tuple[str, ...]:
    if len(value) < SHORTEST:
        return ()
    plain = base64.b64encode(value.encode()).decode()
    return (value, quote(value, safe=""), plain, plain.rstrip("="))

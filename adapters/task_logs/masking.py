"""Secrets out of log lines, before anything is stored."""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote

MASK = "********"
SHORTEST = 6
"""Characters: masking anything shorter would riddle the log with masks and hide nothing."""


def masker(values: Iterable[str]) -> Callable[[str], str]:
    """A function that replaces each value, each line of a value of several lines, and their usual encodings; the longest first."""
    forms = sorted({form for value in values for form in forms_of(value) if len(form) >= SHORTEST}, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, forms)))

    def mask(text: str) -> str:  # the look beforehand is what makes it cheap: nearly no line holds a secret
        return pattern.sub(MASK, text) if any(form in text for form in forms) else text

    return mask


def forms_of(value: str) -> Iterator[str]:
    """The value and its encodings, its lines, and the lines of the text that it is the base64 of (a key in a setting)."""
    yield from encodings(value)
    yield from encodings(value.strip())
    for text in (value, decoded(value)):
        yield from (line.strip() for line in text.splitlines())


def decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def encodings(value: str) -> tuple[str, ...]:
    if len(value) < SHORTEST:
        return ()
    raw = value.encode("utf-8", "surrogatepass")
    standard, for_urls = base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()
    return (value, quote(raw, safe=""), standard, standard.rstrip("="), for_urls, for_urls.rstrip("="))

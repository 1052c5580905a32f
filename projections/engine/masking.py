"""Secrets never reach a read model, not even as references."""

from domain.config import MASK, is_reference

PLAIN = frozenset({str, int, float, bool, type(None)})


def masked(value: object) -> object:
    """The same plain data, with `********` in the place of each `{"secret": "sec_…"}`."""
    if isinstance(value, dict):
        if "secret" in value and is_reference(value):
            return MASK
        return {key: part if type(part) in PLAIN else masked(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [part if type(part) in PLAIN else masked(part) for part in value]
    return value

"""Secrets never reach a read model, not even as references."""

from domain.config import MASK, is_reference


def masked(value: object) -> object:
    """The same plain data, with `********` in the place of each `{"secret": "sec_…"}`."""
    if isinstance(value, dict):
        return MASK if is_reference(value) else {key: masked(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [masked(part) for part in value]
    return value

"""One header of a request, read as it came: an object for all of them takes longer than all that is done with it."""

from collections.abc import MutableMapping
from typing import Any


def header(scope: MutableMapping[str, Any], name: bytes) -> str:
    """The first of this name (in lower case), or ""."""
    for found, value in scope["headers"]:
        if found == name:
            return str(value.decode("latin-1"))
    return ""

"""The port to secrets: values that never enter an event, a log line, an export or an answer. An event keeps a reference."""

from typing import Protocol


class SecretUnreadable(Exception):
    """The reference is unknown, or the key at hand does not open it."""


class Secrets(Protocol):
    async def put(self, value: str) -> str:
        """Store a value encrypted; return its reference, `sec_…`."""

    async def get(self, reference: str) -> str:
        """The plain value. Raises SecretUnreadable."""

"""The port to the answers that are kept for repeated requests."""

from typing import Protocol


class Answers(Protocol):
    async def drop(self) -> None:
        """Forget them all, and those that are being made: none of these is kept. Whoever repeats a request is answered from the log."""

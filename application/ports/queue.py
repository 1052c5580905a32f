"""The port to the work queue: released attempts wait here for a worker. An entry is a hint, never the truth: the Task decides."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.recorded import Cause


@dataclass(frozen=True)
class Claim:
    task: str
    attempt: int
    lease: str
    """Names this claim; a later claim of the same entry has another."""
    cause: Cause | None = None
    """The command that released the attempt, where the entry tells it."""
    fresh: bool = False
    """Nobody had claimed the entry before."""
    kept: bool = False
    """It never came from the queue: its holder began it in the append that released it."""


@dataclass(frozen=True)
class Entry:
    """An attempt to offer. With a `lease` it is its holder's already, until that runs out."""

    task: str
    attempt: int
    cause: Cause | None = None
    lease: str = ""
    worker: str = ""


def kept_lease(task: str, attempt: int, token: int) -> str:
    """The lease of an attempt that was begun in the append that released it: whoever reads the facts knows it."""
    return f"{task}-{attempt}-{token}"


class Queue(Protocol):
    async def put(self, task: str, attempt: int, cause: Cause | None = None) -> None:
        """Offer an attempt. Offering it again, also after it was claimed, changes nothing."""

    async def withdraw(self, task: str, attempt: int) -> None:
        """It is over: remove the entry, whoever holds it."""

    async def change(self, put: Sequence[Entry], over: Collection[tuple[str, int]]) -> None:
        """Many at once, in one commit: `put` these, `withdraw` those (task, attempt)."""

    async def claim(self, worker: str, lease_seconds: float, wait_seconds: float) -> Claim | None:
        """Take the oldest free entry (never claimed, or its lease ran out); wait for one up to `wait_seconds`; None if there is none."""

    async def claim_many(self, worker: str, lease_seconds: float, wait_seconds: float, most: Callable[[], int]) -> list[Claim]:
        """The same for up to `most()` entries, as soon as there is one: asked at each look."""

    async def renew(self, claim: Claim, lease_seconds: float) -> bool:
        """Keep the claim; false if it was lost to somebody else. One that was `kept` gets its entry by this, if it has none yet."""

    async def leave_to(self, claim: Claim, lease: str, worker: str, lease_seconds: float) -> None:
        """Give a claim to whom it belongs."""

    async def done(self, claim: Claim) -> None:
        """Remove the entry, if it is still ours."""

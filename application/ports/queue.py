"""The port to the work queue: released attempts wait here for a worker. An entry is a hint, never the truth: the Task decides."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Claim:
    task: str
    attempt: int
    lease: str
    """Names this claim; a later claim of the same entry has another."""


class Queue(Protocol):
    async def put(self, task: str, attempt: int) -> None:
        """Offer an attempt. Offering it again, also after it was claimed, changes nothing."""

    async def claim(self, worker: str, lease_seconds: float, wait_seconds: float) -> Claim | None:
        """Take the oldest free entry (never claimed, or its lease ran out); wait for one up to `wait_seconds`; None if there is none."""

    async def renew(self, claim: Claim, lease_seconds: float) -> bool:
        """Keep the claim; false if it was lost to somebody else."""

    async def done(self, claim: Claim) -> None:
        """Remove the entry, if it is still ours."""

"""What processes wish for, as data: each becomes one call of a command handler or a port, under an id made of the fact that led to it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class OfferTask:
    """A released attempt waits for a worker."""

    task: str
    attempt: int


@dataclass(frozen=True)
class HoldTask:
    """A worker has begun an attempt. Where it did so in the append that released it, nobody else is to be offered it meanwhile."""

    task: str
    attempt: int
    token: int
    worker: str


@dataclass(frozen=True)
class WithdrawTask:
    """An attempt is over."""

    task: str
    attempt: int


@dataclass(frozen=True)
class SetTimer:
    stream: str
    kind: str
    due: datetime

    @property
    def id(self) -> str:
        return f"{self.stream}/{self.kind}"


@dataclass(frozen=True)
class CancelTimer:
    stream: str
    kind: str

    @property
    def id(self) -> str:
        return f"{self.stream}/{self.kind}"


@dataclass(frozen=True)
class AdmitNext:
    """Somebody left the environment: who waits may enter."""

    environment: str


@dataclass(frozen=True)
class PutBack:
    """A deployment failed on its target: what ran before is to be put back."""

    deployment: str


@dataclass(frozen=True)
class FinishChange:
    deployment: str


@dataclass(frozen=True)
class DeployVersion:
    """A webhook made a version: it goes to every environment that wants each new one."""

    version: str


@dataclass(frozen=True)
class Notify:
    """People ought to know. `rule` is one of S3's: `build_failed`, `deploy_failed`, `deploy_timeout`, `health_check_failed`; or `rollback_…`."""

    rule: str
    severity: str
    deployment: str
    task: str
    message: str


@dataclass(frozen=True)
class Erase:
    """Somebody is forgotten: the keys of these persons, and what leads to these pseudonyms, are to be destroyed."""

    ids: tuple[str, ...]


@dataclass(frozen=True)
class SweepAnswers:
    """Answers that were kept for repeated requests may name who is forgotten."""


Standing = OfferTask | HoldTask | WithdrawTask | SetTimer | CancelTimer
"""What queue and timers are to hold: of many such wishes only what is left of them in the end matters."""
Wish = Standing | AdmitNext | PutBack | FinishChange | DeployVersion | Notify | Erase | SweepAnswers

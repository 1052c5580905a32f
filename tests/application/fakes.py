"""Everything outside, small and in memory: each keeps its port's promises, and lets a test look and interfere."""

import asyncio
import itertools
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path

from application.ports.catalog import Listed
from application.ports.executor import Aborted, Outcome, Receipt
from application.ports.logs import Level, TaskLog
from application.ports.notifier import DeliveryFailed, Message
from application.ports.queue import Claim, Entry
from application.ports.secrets import SecretUnreadable
from application.ports.timers import Timer
from domain.application.model import Application
from domain.deployment.model import Deployment
from domain.lane.model import Lane
from domain.recorded import Cause
from domain.task.values import Artifact
from domain.user.model import Token
from domain.version.model import Version
from domain.version.values import repository_key
from tests.support.given import folded
from tests.support.memory_log import MemoryLog

PACKAGE = {"digest": "sha256:" + "ab" * 32, "name": "app.tar.gz", "size": 3, "unpack": True}


class MemoryQueue:
    """Leases run out only when a test says so (`expire`); nobody waits for an entry."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, int], str] = {}
        self._leases = map("lease-{}".format, itertools.count(1))

    async def put(self, task: str, attempt: int, cause: Cause | None = None) -> None:
        self.entries.setdefault((task, attempt), "")

    async def withdraw(self, task: str, attempt: int) -> None:
        self.entries.pop((task, attempt), None)

    async def change(self, put: Sequence[Entry], over: Collection[tuple[str, int]]) -> None:
        for key in over:
            await self.withdraw(*key)
        for entry in put:
            self.entries.setdefault((entry.task, entry.attempt), entry.lease)

    async def claim(self, worker: str, lease_seconds: float, wait_seconds: float) -> Claim | None:
        free = next((key for key, lease in self.entries.items() if not lease), None)
        if free is None:
            return None
        self.entries[free] = next(self._leases)
        return Claim(*free, self.entries[free])

    async def claim_many(self, worker: str, lease_seconds: float, wait_seconds: float, most: Callable[[], int]) -> list[Claim]:
        claim = await self.claim(worker, lease_seconds, wait_seconds)
        return [claim] if claim else []

    async def leave_to(self, claim: Claim, lease: str, worker: str, lease_seconds: float) -> None:
        if await self.renew(claim, lease_seconds):
            self.entries[claim.task, claim.attempt] = lease

    async def renew(self, claim: Claim, lease_seconds: float) -> bool:
        return self.entries.get((claim.task, claim.attempt)) == claim.lease

    async def done(self, claim: Claim) -> None:
        if await self.renew(claim, 0):
            del self.entries[claim.task, claim.attempt]

    def expire(self, task: str) -> None:
        """Whoever holds the task's entry has lost it."""
        for key in self.entries:
            if key[0] == task:
                self.entries[key] = ""

    @property
    def free(self) -> bool:
        return any(not lease for lease in self.entries.values())


class MemoryTimers:
    def __init__(self) -> None:
        self.live: dict[str, Timer] = {}

    async def set(self, timer: Timer) -> None:
        self.live[timer.id] = timer

    async def cancel(self, id: str) -> None:
        self.live.pop(id, None)

    async def change(self, set: Sequence[Timer], cancel: Collection[str]) -> None:
        for id in cancel:
            await self.cancel(id)
        for timer in set:
            await self.set(timer)

    async def due(self, now: datetime, limit: int = 100) -> list[Timer]:
        return sorted((timer for timer in self.live.values() if timer.due <= now), key=lambda timer: timer.due)[:limit]

    async def next_due(self) -> datetime | None:
        return min((timer.due for timer in self.live.values()), default=None)

    def of(self, stream: str) -> list[Timer]:
        return [timer for timer in self.live.values() if timer.stream == stream]


class MemorySecrets:
    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    async def put(self, value: str) -> str:
        reference = f"sec_{len(self.values) + 1}"
        self.values[reference] = value
        return reference

    async def get(self, reference: str) -> str:
        if reference not in self.values:
            raise SecretUnreadable(f"there is no secret {reference}")
        return self.values[reference]


class MemoryCredentials:
    def __init__(self) -> None:
        self.digests: dict[bytes, str] = {}

    async def put(self, token: str, digest: bytes) -> None:
        self.digests[digest] = token

    async def find(self, digest: bytes) -> str | None:
        return self.digests.get(digest)


class MemoryPeople:
    """Keeps the names in plain text, and who was erased."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], str] = {}
        self.erased: set[str] = set()
        self._numbers = itertools.count(1)

    async def name(self, username: str) -> str:
        return self.found.setdefault(("name", username), f"name_{next(self._numbers)}")

    async def known_name(self, username: str) -> str | None:
        return self.found.get(("name", username))

    async def addressee(self, address: str) -> str:
        return self.found.setdefault(("adr", address.casefold()), f"adr_{next(self._numbers)}")

    async def known_addressee(self, address: str) -> str | None:
        return self.found.get(("adr", address.casefold()))

    async def erase(self, ids: Collection[str]) -> None:
        self.erased |= set(ids)
        self.found = {key: id for key, id in self.found.items() if id not in ids}


class MemoryAnswers:
    def __init__(self) -> None:
        self.dropped = 0

    async def drop(self) -> None:
        self.dropped += 1


class MemoryCatalog:
    """Read from the log itself, so it is never behind."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def applications(self, position: int) -> list[Listed]:
        apps = [app for app in await self._all("app_") if isinstance(app, Application) and not app.deleted]
        return [Listed(app.id, app.repository, tuple(app.config.get("auto_deploy", ()))) for app in apps]

    async def tags(self, repository: str) -> list[str]:
        wanted = repository_key(repository)
        return [v.git_tag for v in await self._all("ver_") if isinstance(v, Version) and not v.deleted and repository_key(v.repository) == wanted]

    async def used_by(self, id: str) -> list[str]:
        deployments = [d for d in await self._all("dep_") if isinstance(d, Deployment) and id in needs(d)]
        lanes = [lane for lane in await self._all("lane_") if isinstance(lane, Lane)]
        return [d.id for d in deployments if d.is_open] + [lane.id for lane in lanes if any(lane.knows(d.id) for d in deployments)]

    async def tokens(self, user: str) -> list[str]:
        return [token.id for token in await self._all("tok_") if isinstance(token, Token) and token.user_id == user and not token.revoked]

    async def reached(self, position: int) -> None:
        assert position <= self._log.position

    async def _all(self, prefix: str) -> list[object]:
        return [folded(stream, await self._log.stream(stream)) for stream in self._log.streams if stream.startswith(prefix)]


def needs(d: Deployment) -> set[str]:
    return {d.plan.source.version_id, d.environment_id, *d.application_ids}


class MemoryTaskLog:
    def __init__(self, mask: tuple[str, ...]) -> None:
        self.lines: list[str] = []
        self.closed = False
        self.offset = 0
        self._mask = mask

    def line(self, message: str, level: Level = "info", offset: int | None = None) -> None:
        for secret in self._mask:
            message = message.replace(secret, "********")
        self.lines.append(f"{level}: {message}")
        self.offset = max(self.offset, offset or 0)


class MemoryTaskLogs:
    def __init__(self) -> None:
        self.logs: defaultdict[tuple[str, int], list[MemoryTaskLog]] = defaultdict(list)

    async def open(self, task: str, attempt: int, mask: tuple[str, ...] = (), fresh: bool | None = None) -> TaskLog:
        log = MemoryTaskLog(mask)
        self.logs[task, attempt].append(log)
        return log

    async def close(self, log: TaskLog) -> None:
        assert isinstance(log, MemoryTaskLog)
        log.closed = True

    def text(self, task: str, attempt: int = 1) -> str:
        return "\n".join(line for log in self.logs[task, attempt] for line in log.lines)


class MemoryArtifacts:
    def add(self, path: Path, name: str) -> Artifact:
        raise NotImplementedError("builds here bring their packages along")

    def path(self, digest: str) -> Path:
        return Path("/") / digest


class Letters:
    """A notifier that keeps what it sends; `troubles` are raised first, one for each try."""

    channel = "letters"

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.troubles: deque[DeliveryFailed] = deque()

    async def send(self, message: Message) -> str:
        if self.troubles:
            raise self.troubles.popleft()
        self.sent.append(message)
        return f"letter {len(self.sent)}"


class Bench:
    """Does builds and tests and whatever is custom: at once, well, and with a package, unless a test prepared something else."""

    def __init__(self) -> None:
        self.prepared: defaultdict[str, deque[Outcome | Exception]] = defaultdict(deque)
        self.applied: list[Receipt] = []
        self.aborted: list[Receipt] = []
        self._held: dict[str, asyncio.Event] = {}

    def hold(self, type: str) -> None:
        """Work of this type does not end before `release`."""
        self._held[type] = asyncio.Event()

    def release(self, type: str) -> None:
        self._held.pop(type).set()

    def next(self, type: str, outcome: Outcome | Exception) -> None:
        self.prepared[type].append(outcome)

    async def apply(self, receipt: Receipt, log: TaskLog) -> Outcome:
        self.applied.append(receipt)
        log.line(f"{receipt.job.type} {receipt.job.application_name}")
        if receipt.job.type in self._held:
            await self._held[receipt.job.type].wait()
        if self.prepared[receipt.job.type]:
            prepared = self.prepared[receipt.job.type].popleft()
            if isinstance(prepared, Exception):
                raise prepared
            return prepared
        return Outcome("succeeded", result={"artifact": PACKAGE, "git_commit": "c0ffee" * 6} if receipt.job.type == "build" else {})

    async def observe(self, receipt: Receipt, log: TaskLog) -> Outcome:
        return Outcome("absent")

    async def abort(self, receipt: Receipt, log: TaskLog) -> Aborted:
        self.aborted.append(receipt)
        return Aborted(True, "killed")

"""Users of a server whose connections to its database are cut: each asks again under the same key until it is told, and keeps account."""

import asyncio
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import httpx

PATIENCE = 30.0
"""Seconds for which one request is asked again and again."""
REPOSITORY = "https://github.com/org/repo"
Json = dict[str, Any]


class Wait(NamedTuple):
    """From a user's first try to the answer: which request it was, what it was answered on the way, and when it ended (UTC, as in the
    server's own words)."""

    seconds: float
    request: str
    answers: tuple[int, ...]
    until: datetime

    def __str__(self) -> str:
        return f"{self.request} {self.seconds:.2f} s ({', '.join(map(str, self.answers))}, until {self.until:%H:%M:%S.%f})"


@dataclass
class Account:
    """What users were told."""

    versions: dict[str, str] = field(default_factory=dict)
    """By tag: the id."""
    deployments: list[str] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    waits: list[Wait] = field(default_factory=list)
    running: bool = True

    @property
    def waited(self) -> list[float]:
        return [wait.seconds for wait in self.waits]

    def longest(self, count: int = 3) -> str:
        return ", ".join(map(str, sorted(self.waits, reverse=True)[:count]))


class User:
    """One connection to the server, and the account."""

    def __init__(self, url: str, token: str, account: Account) -> None:
        self._http = httpx.AsyncClient(base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=20, trust_env=False)
        self.account = account
        self.position = 0

    async def __aenter__(self) -> "User":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def post(self, path: str, body: Json) -> Json:
        """Raises AssertionError for any answer but 201 and "not now": whoever asks again under the same key is told what came of it."""
        answer = await self._asked("POST", path, json=body, headers={"Idempotency-Key": str(uuid.uuid4())})
        self.position = int(answer.headers["X-Log-Position"])
        return dict(answer.json())

    async def get(self, path: str, **params: Any) -> Json:
        """As new as this user's last answer at least."""
        return dict((await self._asked("GET", path, params=params, headers={"X-Min-Position": str(self.position)})).json())

    async def every(self, plural: str) -> list[Json]:
        """All pages of a list."""
        found: list[Json] = []
        page = await self.get(f"/{plural}", page_size=100)
        while page[plural]:
            found += page[plural]
            if not page["next"]:
                break
            page = await self.get(f"/{plural}", page_size=100, after=page["next"])
        return found

    async def _asked(self, method: str, path: str, **request: Any) -> httpx.Response:
        began, answers = time.monotonic(), list[int]()
        while True:
            answer = await self._http.request(method, path, **request)
            answers.append(answer.status_code)
            self.account.answers[answer.status_code] += 1
            if answer.status_code in (200, 201):
                self.account.waits.append(Wait(time.monotonic() - began, f"{method} {path}", tuple(answers), datetime.now(UTC)))
                return answer
            assert not_now(answer), f"{method} {path}: {answer.status_code} {answer.text[:500]}"
            assert time.monotonic() - began < PATIENCE, f"{method} {path} not within {PATIENCE:g} s: {answer.status_code} {answer.text[:500]}"
            await asyncio.sleep(0.02)

    async def version(self, tag: str) -> str:
        body = {"git_tag": tag, "git_commit": "abc123def456", "repository": REPOSITORY}
        id = str((await self.post("/versions", body))["id"])
        self.account.versions[tag] = id
        return id

    async def environment(self, name: str) -> str:
        return str((await self.post("/environments", {"name": name, "type": "memory", "config": {}}))["id"])

    async def application(self, name: str) -> str:
        body = {"name": name, "repository": REPOSITORY, "type": "microservice", "config": {}}
        return str((await self.post("/applications", body))["id"])

    async def deployed(self, version: str, application: str, environment: str) -> None:
        """Deploy, and see it succeed."""
        body = {"version_id": version, "application_ids": [application], "environment_id": environment}
        id = str((await self.post("/deployments", body))["id"])
        self.account.deployments.append(id)
        deadline = time.monotonic() + PATIENCE
        while (phase := (await self.get(f"/deployments/{id}"))["phase"]) in ("pending", "running"):
            assert time.monotonic() < deadline, f"{id} is {phase} after {PATIENCE:g} s"
            await asyncio.sleep(0.02)
        assert phase == "success", f"{id}: {phase}"


def not_now(answer: httpx.Response) -> bool:
    """It may be asked again: the server says so itself."""
    return answer.status_code == 503 or (answer.status_code == 409 and "retry-after" in answer.headers)


async def writes(url: str, token: str, account: Account, number: int) -> None:
    """A user who makes versions, one after the other."""
    async with User(url, token, account) as user:
        count = 0
        while account.running:
            await user.version(f"v{number}.0.{count}")
            count += 1
            await asyncio.sleep(0.01)


async def deploys(url: str, token: str, account: Account, number: int) -> None:
    """A user who deploys to an environment of his own, one version after the other."""
    async with User(url, token, account) as user:
        environment, application = await user.environment(f"env-{number}"), await user.application(f"app-{number}")
        count = 0
        while account.running:
            await user.deployed(await user.version(f"d{number}.0.{count}"), application, environment)
            count += 1

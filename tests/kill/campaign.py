"""The main job while its server is killed and started again on the same home."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from api.demo import service
from api.demo.client import Json
from api.demo.job import OVER, MainJob, application, environment
from api.demo.stage import Stage
from tests.kill.checks import processes_that_name
from tests.kill.marks import LINES

PATIENCE = 90.0
"""Seconds that a user and GitHub repeat a call while the server is away."""
COUNT = f""".venv/bin/python -c 'import time
for n in range({LINES}): print("line", n, flush=True); time.sleep(0.004)'"""
TEST = f"{service.TEST} && {COUNT}"
RESTART = "echo restarting && sleep 0.3 && "
"""The job's tasks take a little longer here, so that more kills fall into them; a build's numbered lines show what is missing."""


KINDS = ("build", "test", "deploy", "health_check")


@dataclass
class Campaign:
    """`seed` decides when the server is killed."""

    stage: Stage
    kills: int
    seed: int
    killed: list[datetime] = field(default_factory=list)
    restarts: list[float] = field(default_factory=list)
    deployments: list[str] = field(default_factory=list)
    rolled_back: list[str] = field(default_factory=list)
    with_database: int = 0

    async def run(self) -> None:
        """The job goes round until all kills are done, and then to its end."""
        self.restarts.append(await self.stage.server.start())
        job = MainJob(self.stage, PATIENCE)
        await self._set_up(job)
        killer = asyncio.create_task(self._kill())
        try:
            number = 0
            while number < 3 or not killer.done():
                await self._round(job, number)
                number += 1
            await killer
        finally:
            killer.cancel()

    async def _set_up(self, job: MainJob) -> None:
        place = environment(self.stage.host, self.stage.deploy_path, self.stage.port)
        place["config"]["restart_command"] = RESTART + place["config"]["restart_command"]
        job.environment = await self.stage.client.post("/environments", place)
        app = application(self.stage, job.environment["id"])
        app["config"]["test_command"] = TEST
        app["config"]["timeout"] = 2
        job.application = await self.stage.client.post("/applications", app)

    async def _round(self, job: MainJob, number: int) -> None:
        """One version: two good ones, then a broken one, and so on."""
        broken = number % 3 == 2
        files = {**(service.FIRST if number == 0 else {}), **(service.THIRD if broken else service.SECOND)}
        files["shop.py"] += f"# version {number}\n"
        tag = f"v1.{number}.0"
        tagged = await asyncio.to_thread(self.stage.repository.release, tag, f"Version {number}", files)
        answer = await job.deliver(tagged)
        deployment = await job.deployment_of(answer["version_id"])
        self.deployments.append(deployment["id"])
        if not broken:
            ended = await job.ended(deployment["id"])
            assert ended["phase"] == "success", (tag, ended["phase"], ended["error_message"])
            return
        ended = await job.ended(deployment["id"], ("rolled_back", "success", "cancelled"))
        assert ended["phase"] == "rolled_back", (tag, ended["phase"], ended["error_message"])
        self.rolled_back.append(deployment["id"])

    async def _kill(self) -> None:
        """A third of the kills come at any time after the server is ready, the others while it works on a task of a chosen type.
        Every fourth takes the database with it."""
        chance = random.Random(self.seed)
        for number in range(self.kills):
            kind = chance.choice((*KINDS, *KINDS, "", "", "", ""))
            await (self._see_it_work_on(kind) if kind else asyncio.sleep(chance.uniform(0, 5)))
            await asyncio.sleep(chance.uniform(0, 0.5))
            self.killed.append(datetime.now(UTC))
            await self._strike(with_database=number % 4 == 2)
            self.restarts.append(await self.stage.server.start())

    async def _strike(self, with_database: bool) -> None:
        """The server alone, or at once everything that works in its home: its database too, as in a power cut."""
        await self.stage.server.kill()
        if with_database:
            self.with_database += 1
            for pid in processes_that_name(self.stage.server.home):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    async def _see_it_work_on(self, kind: str) -> None:
        """This server itself, not one of its dead predecessors whose lease is still good. Not for ever: such a task may be far away."""
        deadline, me = time.monotonic() + 20, f":{self.stage.server.pid}"
        headers = {"Authorization": f"Bearer {self.stage.admin_token}"}
        async with httpx.AsyncClient(base_url=self.stage.server.url, headers=headers, timeout=5, trust_env=False) as http:
            while time.monotonic() < deadline:
                answer = await http.get("/api/v1/tasks", params={"status": "running", "type": kind})
                if answer.status_code == 200 and any(task["worker"].endswith(me) for task in answer.json()["tasks"]):
                    return
                await asyncio.sleep(0.03)

    async def phases(self) -> Counter[str]:
        """What ran when the server was killed: the type of the running task, `between tasks`, or `idle`."""
        tasks, deployments = await self.stage.client.every("tasks"), await self.stage.client.every("deployments")
        found: Counter[str] = Counter()
        for at in self.killed:
            running = next((task["type"] for task in tasks if within(at, task)), "")
            found[running or ("between tasks" if any(within(at, one) for one in deployments) else "idle")] += 1
        return found

    async def unfinished(self) -> list[Json]:
        return [one for one in await self.stage.client.every("deployments") if one["phase"] not in OVER]


def within(at: datetime, thing: Json) -> bool:
    if not thing["started_at"]:
        return False
    ended = datetime.fromisoformat(thing["completed_at"]) if thing["completed_at"] else datetime.max.replace(tzinfo=UTC)
    return datetime.fromisoformat(thing["started_at"]) <= at <= ended

"""A deployment as it happens: each task's log, line by line as the server pushes it, and each task's end."""

import asyncio
from datetime import datetime

from api.demo.client import Client, Json
from api.demo.job import OVER
from api.demo.story import Story

BEGUN = ("running", "waiting_confirm", "success", "failed", "cancelled", "rolled_back")
ENDS = 180.0  # seconds


class Live:
    def __init__(self, client: Client, story: Story) -> None:
        self._client, self._story = client, story

    async def watch(self, id: str) -> Json:
        """Tell a deployment until it is over; the deployment then. Raises TimeoutError."""
        followed: set[str] = set()
        async with asyncio.timeout(ENDS), asyncio.TaskGroup() as group:
            while True:
                deployment = await self._client.get(f"/deployments/{id}")
                for task in deployment["tasks"]:
                    if task["status"] in BEGUN and task["id"] not in followed:
                        followed.add(task["id"])
                        group.create_task(self._follow(id, task))
                if deployment["phase"] in OVER:
                    break
                await asyncio.sleep(0.1)
        return deployment

    async def _follow(self, deployment: str, task: Json) -> None:
        async for line in self._client.lines(f"/deployments/{deployment}/tasks/{task['id']}/logs"):
            self._story.log(task["type"], line["level"], line["message"])
        ended = await self._client.until(f"the end of {task['id']}", ENDS, lambda: self._ended(task["id"]))
        if ended["status"] == "failed":
            self._story.bad(f"✗ {task['name']}: {ended['error_message']}")
        else:
            self._story.good(f"✓ {task['name']} ({took(ended):.1f} s)")

    async def _ended(self, id: str) -> Json | None:
        task = await self._client.get(f"/tasks/{id}")
        return task if task["completed_at"] else None


def took(thing: Json) -> float:
    """Seconds from its start to its end."""
    return (datetime.fromisoformat(thing["completed_at"]) - datetime.fromisoformat(thing["started_at"])).total_seconds()

"""The main job, step by step: a host and a repository become an environment and an application; a pushed tag becomes what runs on the host."""

import asyncio
import base64
import os
import time
from pathlib import Path

import httpx

from api.demo import service
from api.demo.client import Client, Json, Unexpected
from api.demo.github import GitHub
from api.demo.hosts import SshHost
from api.demo.repository import Tagged
from api.demo.stage import GIT_USER, Stage

OVER = ("success", "failed", "cancelled", "rolled_back")
STARTS, ENDS, ANSWERS = 30.0, 180.0, 20.0  # seconds: from the webhook to a deployment, a deployment, the service's answer


class MainJob:
    def __init__(self, stage: Stage, patience: float = 0.0) -> None:
        """`patience`: seconds for which GitHub's delivery is repeated while the server is away."""
        self.stage, self._patience = stage, patience
        self.environment: Json = {}
        self.application: Json = {}

    @property
    def client(self) -> Client:
        return self.stage.client

    async def create_environment(self) -> Json:
        """The host as an environment, its key pinned."""
        self.environment = await self.client.post("/environments", environment(self.stage.host, self.stage.deploy_path, self.stage.port))
        return self.environment

    async def check_environment(self) -> Json:
        return await self.client.post(f"/environments/{self.environment['id']}/health-check")

    async def create_application(self) -> Json:
        """The service, built from its repository, deployed to the environment by itself."""
        self.application = await self.client.post("/applications", application(self.stage, self.environment["id"]))
        return self.application

    async def push(self, tag: str) -> Tagged:
        """A developer's push of the next version."""
        message, files = service.VERSIONS[tag]
        return await asyncio.to_thread(self.stage.repository.release, tag, message, files, annotated=tag == "v1.1.0")

    async def deliver(self, tagged: Tagged) -> Json:
        """GitHub's webhook; its answer. Delivered again under the same id while the server is away."""
        return await deliver(self.stage.github, self.client, tagged, self._patience)

    async def deployment_of(self, version: str) -> Json:
        """The deployment that a version led to."""

        async def look() -> Json | None:
            found = await self.client.get("/deployments", version_id=version)
            return found["deployments"][-1] if found["deployments"] else None

        return await self.client.until(f"a deployment of {version}", STARTS + self._patience, look)

    async def ended(self, id: str, phases: tuple[str, ...] = OVER) -> Json:
        """A deployment, once it is over."""

        async def look() -> Json | None:
            found = await self.client.get(f"/deployments/{id}")
            return found if found["phase"] in phases else None

        return await self.client.until(f"the end of {id}", ENDS + self._patience, look)

    async def rollback_of(self, id: str) -> Json:
        """The deployment that puts back what ran before a failed one."""

        async def look() -> Json | None:
            found = await self.client.get(f"/deployments/{id}")
            return found if found["rollback_id"] else None

        bad = await self.client.until(f"a rollback of {id}", STARTS + self._patience, look)
        return await self.client.get(f"/deployments/{bad['rollback_id']}")

    async def answered(self, version: str) -> Json:
        """What the service answers over HTTP, once it answers as this version."""
        deadline, said = time.monotonic() + ANSWERS, "nothing"
        async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
            while time.monotonic() < deadline:
                try:
                    answer = await http.get(self.stage.service_url)
                    said = answer.text
                    if answer.status_code == 200 and answer.json()["version"] == version:
                        return dict(answer.json())
                except httpx.TransportError as error:
                    said = type(error).__name__
                await asyncio.sleep(0.1)
        raise Unexpected(f"the service does not answer as {version}: {said}")

    def releases(self) -> tuple[list[str], str]:
        """The release folders on the host, in the order in which they came, and the one that is current."""
        folders = sorted((self.stage.deploy_path / "releases").iterdir(), key=lambda folder: int(folder.name.rpartition("-")[2]))
        return [folder.name for folder in folders], Path(os.readlink(self.stage.deploy_path / "current")).name


async def deliver(github: GitHub, client: Client, tagged: Tagged, patience: float = 0.0, delivery: str = "") -> Json:
    deadline = time.monotonic() + patience
    delivery = delivery or f"demo-{tagged.object}"
    while True:
        try:
            answer = await github.push(tagged, delivery)
            if answer.status_code == 200:
                client.saw(answer)
                return dict(answer.json())
            said = f"{answer.status_code} {answer.text[:500]}"
            if answer.status_code < 500:
                raise Unexpected(f"the webhook was refused: {said}")
        except httpx.TransportError as error:
            said = f"{type(error).__name__} {error}"
        if time.monotonic() > deadline:
            raise Unexpected(f"the webhook was not taken: {said}")
        await asyncio.sleep(0.1)


def environment(host: SshHost, deploy_path: Path, port: int) -> Json:
    return {
        "name": "physical", "type": "physical", "is_active": True,
        "config": {
            "hosts": [host.address], "ssh_key": base64.b64encode(host.private_key.encode()).decode(), "known_hosts": host.known_hosts,
            "deploy_path": str(deploy_path), "restart_command": f"PORT={port} {service.RESTART}", "timeout": 120,
        },
    }


def application(stage: Stage, environment_id: str) -> Json:
    return {
        "name": service.NAME, "type": "web", "repository": stage.git.url(service.NAME),
        "config": {
            "git_user": GIT_USER, "git_token": stage.git_token, "install_command": service.INSTALL, "build_command": service.BUILD,
            "test_command": service.TEST, "artifact": service.ARTIFACT, "port": stage.port, "endpoint": "/health", "timeout": 4,
            "auto_deploy": [environment_id],
        },
    }

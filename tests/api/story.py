"""What most tests begin with: a version, an application, an environment in memory, a deployment."""

from typing import Any

import httpx

REPOSITORY = "https://github.com/org/repo"
V1 = "/api/v1"


async def created(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(f"{V1}/{path}", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def version(client: httpx.AsyncClient, tag: str = "v1.0.0") -> str:
    body = {"git_tag": tag, "git_commit": "abc123def456", "repository": REPOSITORY, "description": f"Release {tag}"}
    return str((await created(client, "versions", body))["id"])


async def application(client: httpx.AsyncClient, name: str = "api-service", **config: Any) -> str:
    return str((await created(client, "applications", {"name": name, "repository": REPOSITORY, "type": "microservice", "config": config}))["id"])


async def environment(client: httpx.AsyncClient, name: str = "production", **config: Any) -> str:
    return str((await created(client, "environments", {"name": name, "type": "memory", "config": config}))["id"])


async def deployment(client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    """Of one application, unless `more` says otherwise."""
    body = {"version_id": more.pop("version_id", None) or await version(client), **more}
    body.setdefault("environment_id", None)
    body["environment_id"] = body["environment_id"] or await environment(client)
    body["application_ids"] = body.get("application_ids") or [await application(client)]
    return await created(client, "deployments", body)


async def detail(client: httpx.AsyncClient, id: str) -> dict[str, Any]:
    answer = await client.get(f"{V1}/deployments/{id}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def task_of(client: httpx.AsyncClient, deployment: str, type: str) -> dict[str, Any]:
    """The first task of a type."""
    return next(task for task in (await detail(client, deployment))["tasks"] if task["type"] == type)

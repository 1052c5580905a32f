"""The main job, end to end: a server as its operator starts it, a real git repository, a real SSH host, GitHub's signed webhooks."""

import os
from collections import Counter

import pytest

from api.demo.client import Client, Json, Unexpected
from api.demo.job import MainJob, deliver
from api.demo.repository import Tagged
from api.demo.server import ServerFailed
from api.demo.stage import Stage

TYPES = ["build", "test", "deploy", "health_check"]


async def test_pushed_tags_become_what_runs_on_the_host_and_a_broken_one_is_rolled_back(capsys: pytest.CaptureFixture[str]) -> None:
    async with Stage() as stage:
        try:
            await stage.server.start()
            await play(stage)
        except BaseException:
            with capsys.disabled():
                print(f"\nthe server's last words:\n{stage.server.tail(60)}")
            raise


async def play(stage: Stage) -> None:
    if "ssh" in os.environ.get("TIANGONG_REQUIRE", "").split(","):
        assert stage.host.kind == "openssh"
    job = MainJob(stage)
    await the_host_is_healthy_and_its_key_pinned(job)
    await job.create_application()
    assert job.application["config"]["git_token"] == job.environment["config"]["ssh_key"] == "********"

    first = await the_service_answers(job, "v1.0.0")
    await the_running_service_leads_back_to_the_webhook(job)
    await a_repeated_delivery_deploys_nothing(job, first)
    await a_wrong_signature_is_refused(job, first)
    await the_service_answers(job, "v1.1.0")
    assert job.releases() == (["v1.0.0-1", "v1.1.0-2"], "v1.1.0-2")

    await a_broken_version_is_rolled_back(job)
    await the_logs_are_whole(job)
    await the_log_is_whole_and_the_read_models_are_what_it_says(job)
    no_secret_is_anywhere(job)
    await a_stranger_is_told_nothing(stage)
    assert await stage.server.stop() == 0


async def the_host_is_healthy_and_its_key_pinned(job: MainJob) -> None:
    await job.create_environment()
    health = await job.check_environment()
    assert health["healthy"], health
    assert [key["pinned"] for key in health["host_keys"]] == [True]


async def the_service_answers(job: MainJob, tag: str) -> Tagged:
    tagged = await job.push(tag)
    answer = await job.deliver(tagged)
    ended = await job.ended((await job.deployment_of(answer["version_id"]))["id"])
    assert (ended["phase"], ended["error_message"]) == ("success", "")
    assert [(task["type"], task["status"]) for task in ended["tasks"]] == [(kind, "success") for kind in TYPES]
    version = await job.client.get(f"/versions/{answer['version_id']}")
    assert (version["git_tag"], version["git_commit"], version["verified"]) == (tag, tagged.commit, True)
    assert (await job.answered(tag.removeprefix("v")))["version"] == tag.removeprefix("v")
    return tagged


async def the_running_service_leads_back_to_the_webhook(job: MainJob) -> None:
    [healthy] = (await job.client.get("/audit-logs", action="deployment.succeeded"))["audit_logs"]
    why = await job.client.get(f"/audit-logs/{healthy['position']}/causes")
    actions = [step["action"] for step in why["causes"][1:]]
    assert actions[-3:] == ["task.started", "deployment.created", "delivery.received"]
    assert [action for action in actions[:-3] if action != "task.started"] == ["task.succeeded"] * 3  # each has begun the next, or released it
    assert (why["complete"], why["causes"][-1]["resource"]) == (True, "delivery")


async def a_repeated_delivery_deploys_nothing(job: MainJob, tagged: Tagged) -> None:
    """GitHub delivers again, under the same id and under another."""
    again = await job.deliver(tagged)
    other = await deliver(job.stage.github, job.client, tagged, delivery="another-delivery")
    assert (again["version_created"], other["version_created"]) == (True, False), "the same answer for the same id; the version is known for another"
    assert again["version_id"] == other["version_id"]
    assert (await job.client.get("/deployments"))["total"] == 1


async def a_wrong_signature_is_refused(job: MainJob, tagged: Tagged) -> None:
    answer = await job.stage.github.push(tagged, delivery="forged", secret="not the secret")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHORIZED")
    assert (await job.client.get("/webhook-deliveries"))["total"] == 2, "it is no delivery of ours"


async def a_broken_version_is_rolled_back(job: MainJob) -> None:
    answer = await job.deliver(await job.push("v1.2.0"))
    bad = await job.ended((await job.deployment_of(answer["version_id"]))["id"])
    assert "/health answered 500, not 200" in bad["error_message"]
    rollback = await job.rollback_of(bad["id"])
    ended = await job.ended(rollback["id"])
    assert (ended["phase"], ended["version"], ended["rollback_of"]) == ("success", "v1.1.0", bad["id"])
    assert [task["type"] for task in ended["tasks"]] == ["deploy", "health_check"], "the package of then, not a new build"
    assert (await job.ended(bad["id"], ("rolled_back",)))["status"] == "rolled_back"
    assert (await job.answered("1.1.0"))["version"] == "1.1.0"
    assert job.releases() == (["v1.0.0-1", "v1.1.0-2", "v1.2.0-3", "v1.1.0-4"], "v1.1.0-4")

    async def sent() -> Json | None:
        found = await job.client.every("notifications", deployment_id=bad["id"])
        rules = [row["rule"] for row in found if row["status"] == "sent"]
        return {"rules": rules} if len(rules) == 2 else None

    assert (await job.client.until("two notifications", 10, sent))["rules"] == ["health_check_failed", "rolled_back"]


async def the_logs_are_whole(job: MainJob) -> None:
    for task in await job.client.every("tasks"):
        log = await job.client.get(f"/deployments/{task['deployment_id']}/tasks/{task['id']}/logs")
        assert log["complete"], task
        assert [line["seq"] for line in log["logs"]] == list(range(1, len(log["logs"]) + 1))
        assert [line["seq"] async for line in job.client.lines(f"/deployments/{task['deployment_id']}/tasks/{task['id']}/logs")] == [
            line["seq"] for line in log["logs"]]


async def the_log_is_whole_and_the_read_models_are_what_it_says(job: MainJob) -> None:
    server, out = job.stage.server, job.stage.folder / "audit.jsonl"
    trail = await job.client.every("audit-logs")
    assert [row["position"] for row in trail] == list(range(1, len(trail) + 1))
    assert Counter(row["action"] for row in trail)["deployment.created"] == 4
    await server.command("audit", "export", "--out", str(out))
    assert (await server.command("audit", "verify", str(out))).startswith("verified")
    out.write_bytes(out.read_bytes().replace(b"v1.1.0", b"v9.1.0", 1))
    with pytest.raises(ServerFailed, match="NOT verified: first bad position"):
        await server.command("audit", "verify", str(out))
    assert (await server.command("projections", "check")).endswith("every read model is what the log says")


async def a_stranger_is_told_nothing(stage: Stage) -> None:
    stranger = Client(stage.server.url, "tgd_not_a_token")
    try:
        with pytest.raises(Unexpected, match="401"):
            await stranger.get("/deployments")
    finally:
        await stranger.close()


def no_secret_is_anywhere(job: MainJob) -> None:
    """Neither in the exported log, nor in the server's output."""
    key = job.stage.host.private_key.splitlines()[2]
    said = (job.stage.folder / "audit.jsonl").read_text() + job.stage.server.output.read_text()
    for secret in (job.stage.git_token, job.stage.webhook_secret, job.stage.admin_token, key):
        assert secret not in said

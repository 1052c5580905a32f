"""Server and host job die together in the middle of a deploy: the start receipt has no end, and nobody guesses one."""

import os
import signal
from pathlib import Path

from api.demo.client import Json
from api.demo.job import MainJob, environment
from api.demo.stage import Stage
from tests.kill.campaign import PATIENCE
from tests.kill.checks import receipts
from tests.support.waiting import until


async def test_a_start_without_an_end_is_reported_unknown_and_settled_by_looking() -> None:
    async with Stage(PATIENCE) as stage:
        await stage.server.start()
        job = MainJob(stage, PATIENCE)
        place = environment(stage.host, stage.deploy_path, stage.port)
        place["config"]["restart_command"] = "echo restarting; sleep 600"
        job.environment = await job.client.post("/environments", place)
        await job.create_application()
        answer = await job.deliver(await job.push("v1.0.0"))
        deployment = await job.deployment_of(answer["version_id"])
        jobs = stage.deploy_path / ".tiangong/jobs"
        await until(lambda: any("restarting" in path.read_text() for path in jobs.glob("*/output")) and any(jobs.glob("*/command")), 30)

        await stage.server.kill()
        [folder] = jobs.iterdir()
        for name in ("start", "command"):
            os.killpg(pid_in(folder / name), signal.SIGKILL)
        await stage.server.start()

        ended = await job.ended(deployment["id"])
        await what_is_known_is_said(job, ended)
        assert receipts(stage.deploy_path) == {("start", folder.name): 1}, "nobody else may write the end of a job that never had one"


def pid_in(receipt: Path) -> int:
    return int(next(line for line in receipt.read_text().splitlines() if line.startswith("pid=")).removeprefix("pid="))


async def what_is_known_is_said(job: MainJob, ended: Json) -> None:
    task = next(task for task in ended["tasks"] if task["type"] == "deploy")
    facts = [row["action"] for row in await job.client.every("audit-logs", resource_id=task["id"])]
    assert facts == ["task.released", "task.started", "task.taken_over", "task.outcome_unknown", "task.failed"]
    assert (ended["phase"], task["status"]) == ("failed", "failed")
    assert "killed before its end: the release is current" in task["error_message"], "what was found by looking"
    log = await job.client.get(f"/deployments/{ended['id']}/tasks/{task['id']}/logs")
    assert any(line["level"] == "error" and "interrupted" in line["message"] for line in log["logs"])
    assert not log["complete"]

"""SIGKILL at random moments of the main job. The seed is printed; `TIANGONG_KILL_SEED` repeats it."""

import os
import random
import statistics
import time
from collections import Counter

import pytest

from api.demo.client import Json
from api.demo.stage import Stage
from tests.kill.campaign import PATIENCE, Campaign
from tests.kill.checks import assert_honest, assert_one_receipt_each, log_of, processes_that_name, readiness, receipts
from tests.support.waiting import until


async def test_three_kills_lose_and_double_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    await campaign(3, capsys)


@pytest.mark.real
async def test_thirty_kills_lose_and_double_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    await campaign(30, capsys)


async def campaign(kills: int, capsys: pytest.CaptureFixture[str]) -> None:
    seed, began = int(os.environ.get("TIANGONG_KILL_SEED", random.randrange(10**6))), time.monotonic()
    async with Stage(PATIENCE) as stage:
        run = Campaign(stage, kills, seed)
        try:
            await run.run()
            figures = await judge(run)
        except BaseException:
            with capsys.disabled():
                print(f"\nkill campaign with seed {seed} failed after {len(run.killed)} kills; the server's last words:\n{stage.server.tail(60)}")
            raise
        with capsys.disabled():
            print(f"\n{kills} kills, seed {seed}, {time.monotonic() - began:.0f} s: {figures}")


async def judge(run: Campaign) -> str:
    """Everything that must hold; the figures in words."""
    stage = run.stage
    assert await run.unfinished() == []
    found = receipts(stage.deploy_path)
    assert_one_receipt_each(found)
    tasks = await stage.client.every("tasks")
    await assert_each_deploy_has_its_receipts(tasks, found)
    cut = [assert_honest(task, await log_of(stage.client, task), stage.deploy_path) for task in tasks if task["started_at"]]
    trail = Counter(row["action"] for row in await stage.client.every("audit-logs"))
    phases, unknown, taken_over = await run.phases(), await settled(run), trail["task.taken_over"]
    assert (await readiness(stage.server.url))["quarantined"] == 0
    await verify(run)
    await end(run)
    starts, ends = (sum(count for (kind, _), count in found.items() if kind == which) for which in ("start", "end"))
    return (f"{len(run.deployments)} versions, {len(run.rolled_back)} rolled back; killed in {dict(phases)}, "
            f"{run.with_database} times with the database; receipts {starts} start, {ends} end; "
            f"attempts taken over {taken_over}; outcomes unknown {unknown}, all settled; logs {len(cut)}, marked as cut {sum(cut)}; "
            f"ready after a kill in {min(run.restarts[1:]):.1f}, median {statistics.median(run.restarts[1:]):.1f}, "
            f"at most {max(run.restarts[1:]):.1f} s; {trail.total()} facts")


async def assert_each_deploy_has_its_receipts(tasks: list[Json], found: Counter[tuple[str, str]]) -> None:
    """Nobody killed the host's own processes here: what began there has ended there, and what succeeded began there."""
    assert {key for kind, key in found if kind == "start"} == {key for kind, key in found if kind == "end"}
    deployed = [task["id"] for task in tasks if task["type"] == "deploy" and task["status"] in ("success", "rolled_back")]
    assert all(any(key.startswith(f"{task}-") for _, key in found) for task in deployed)


async def settled(run: Campaign) -> int:
    """How many attempts were reported unknown; each has an end."""
    unknown = {row["resource_id"] for row in await run.stage.client.every("audit-logs", action="task.outcome_unknown")}
    for task in unknown:
        assert (await run.stage.client.get(f"/tasks/{task}"))["status"] in ("success", "failed", "cancelled", "rolled_back")
    return len(unknown)


async def verify(run: Campaign) -> None:
    """The log is whole, and the read models are what it says."""
    out = run.stage.folder / "audit.jsonl"
    await run.stage.server.command("audit", "export", "--out", str(out))
    assert (await run.stage.server.command("audit", "verify", str(out))).startswith("verified")
    assert "every read model is what the log says" in await run.stage.server.command("projections", "check")


async def end(run: Campaign) -> None:
    """An orderly end leaves no process behind: no build, no supervisor, no database."""
    assert await run.stage.server.stop() == 0
    await until(lambda: not processes_that_name(run.stage.server.home), 20)

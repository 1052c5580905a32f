"""One piece of work a key: followed, stopped, timed out, and what a full disk does to it."""

import asyncio
import socket
import subprocess
from pathlib import Path

import pytest

from adapters.artifacts.files import FileArtifacts
from adapters.build.runner import BuildRunner, BuildSettings
from application.ports.executor import Aborted
from tests.build.conftest import Bench, Lines
from tests.build.processes import processes_in
from tests.support.waiting import until

WAITING = "echo up; touch ../up; while :; do sleep 0.02; done"


def waiting(bench: Bench, key: str = "task_1-1", **more):
    commit = bench.repo.commit({"a.txt": ""})
    return bench.receipt(key=key, commit=commit, application={"git_user": "ci", "build_command": WAITING} | more.pop("application", {}), **more)


async def begun(bench: Bench, receipt):
    running = asyncio.create_task(bench.runner.apply(receipt, bench.log))
    await until((bench.workspaces / receipt.job.deployment_id / receipt.job.application_id / "up").exists)
    return running


async def test_the_same_key_again_follows_the_running_work_and_later_its_end(bench: Bench):
    receipt = waiting(bench, application={"build_command": "touch ../up; echo once >> ../times; until [ -e ../go ]; do sleep 0.01; done; echo done"})
    first = await begun(bench, receipt)
    late = Lines()
    second = asyncio.create_task(bench.runner.apply(receipt, late))
    await asyncio.sleep(0)
    assert (await bench.runner.observe(receipt, late)).state == "running"
    (bench.workspaces / "dep_1/app_1/go").touch()
    outcomes = [await first, await second, await bench.runner.apply(receipt, Lines()), await bench.runner.observe(receipt, late)]
    assert [outcome.state for outcome in outcomes] == ["succeeded"] * 4
    assert len({str(outcome.result) for outcome in outcomes}) == 1
    assert (bench.workspaces / "dep_1/app_1/times").read_text() == "once\n"
    assert ("info", "done") in late  # whoever came last gets the lines


async def test_an_unknown_key_is_absent(bench: Bench):
    receipt = bench.receipt(commit="a" * 40)
    assert (await bench.runner.observe(receipt, bench.log)).state == "absent"
    assert (await bench.runner.abort(receipt, bench.log)) == Aborted(True, "nothing runs under this key")
    assert not (bench.workspaces / "dep_1").exists()


async def test_a_cancelled_call_leaves_the_work_as_it_is(bench: Bench):
    receipt = waiting(bench)
    call = await begun(bench, receipt)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (await bench.runner.observe(receipt, bench.log)).state == "running"
    assert (await bench.runner.abort(receipt, bench.log)).stopped


async def test_an_abort_stops_the_command_and_tells_whoever_waits(bench: Bench):
    receipt = waiting(bench)
    call = await begun(bench, receipt)
    assert await bench.runner.abort(receipt, bench.log) == Aborted(True, "stopped")
    outcome = await call
    assert (outcome.state, outcome.error) == ("failed", "stopped on request")
    assert await bench.runner.abort(receipt, bench.log) == Aborted(True, "it had ended")


async def test_an_abort_before_the_first_step_stops_it_too(bench: Bench):
    receipt = waiting(bench)
    call = asyncio.create_task(bench.runner.apply(receipt, bench.log))
    await asyncio.sleep(0)
    assert (await bench.runner.abort(receipt, bench.log)).stopped
    assert (await call).error == "stopped on request"


async def test_the_deadline_is_the_whole_jobs(bench: Bench):
    call = await begun(bench, waiting(bench, timeout=1.0))
    assert processes_in(bench.workspaces)
    outcome = await call
    assert (outcome.state, outcome.error) == ("failed", "timed out after 1 s")
    assert processes_in(bench.workspaces) == []


async def test_git_has_the_same_deadline(bench: Bench):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection and never says a word
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x.git"
        outcome = await bench.runner.apply(bench.receipt(repository=url, commit="a" * 40, timeout=0.5), bench.log)
    assert outcome.error == "timed out after 0.5 s"


async def test_jobs_in_one_workspace_wait_for_each_other_and_an_abort_of_another_process_is_not_claimed(bench: Bench):
    receipt = waiting(bench)
    call = await begun(bench, receipt)
    other = BuildRunner(bench.workspaces, bench.artifacts, BuildSettings(grace=0.5))  # as another process would: it knows nothing of the first
    assert not (await other.abort(receipt, Lines())).stopped
    log = Lines()
    second = asyncio.create_task(other.apply(bench.receipt("custom", "task_2-1", commit=receipt.job.source.git_commit, application={"git_user": "ci"},
                                                           config={"command": "echo mine"}), log))
    await until(lambda: "waiting for the workspace" in log.text)
    assert not bench.runner.forget("dep_1")
    await bench.runner.abort(receipt, bench.log)
    await call
    assert (await second).state == "succeeded"


async def test_closing_stops_everything(bench: Bench):
    call = await begun(bench, waiting(bench))
    await bench.runner.close()
    assert (await call).error == "stopped on request"


async def test_a_mistake_of_ours_is_the_callers_to_see_and_the_key_stays_free(bench: Bench):
    class Broken:
        def add(self, path: Path, name: str):
            raise RuntimeError("a mistake")

        def path(self, digest: str) -> Path:
            raise RuntimeError("a mistake")

    runner = BuildRunner(bench.workspaces, Broken())
    receipt = bench.receipt(commit=bench.repo.commit({"a.txt": ""}), application={"git_user": "ci"})
    with pytest.raises(RuntimeError, match="a mistake"):
        await runner.apply(receipt, bench.log)
    assert (await runner.observe(receipt, bench.log)).state == "absent"


@pytest.fixture
def small_disk(tmp_path: Path):
    """A real file system of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"this user may not mount a small disk: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_full_workspace_disk_fails_the_job_with_the_reason(bench: Bench, small_disk: Path):
    commit = bench.repo.commit({"a.txt": "x" * 100})
    runner = BuildRunner(small_disk / "workspaces", bench.artifacts, BuildSettings(grace=0.5))
    application = {"git_user": "ci", "build_command": "head -c 700000 /dev/urandom > a; echo built"}
    outcome = await runner.apply(bench.receipt(commit=commit, application=application), bench.log)
    assert ("info", "built") in bench.log
    assert outcome.state == "failed"
    assert outcome.error.lower().startswith("no space left")


async def test_a_full_disk_while_git_fetches_fails_in_gits_words(bench: Bench, small_disk: Path):
    (bench.repo.work / "big").write_bytes(b"".join(n.to_bytes(4, "big") for n in range(10**6)))
    commit = bench.repo.commit({"a.txt": "x"})
    runner = BuildRunner(small_disk / "workspaces", bench.artifacts, BuildSettings(grace=0.5))
    outcome = await runner.apply(bench.receipt(commit=commit, application={"git_user": "ci"}), bench.log)
    assert outcome.state == "failed"
    assert "No space left on device" in outcome.error


async def test_a_full_artifact_store_fails_the_job_with_the_reason(bench: Bench, small_disk: Path):
    commit = bench.repo.commit({"a.txt": "x"})
    runner = BuildRunner(bench.workspaces, FileArtifacts(small_disk / "artifacts"), BuildSettings(grace=0.5))
    application = {"git_user": "ci", "build_command": "head -c 2000000 /dev/urandom > a"}
    outcome = await runner.apply(bench.receipt(commit=commit, application=application), bench.log)
    assert outcome.error == "cannot store shop-" + commit[:12] + ".tar.gz: No space left on device"
    assert not [path for path in (small_disk / "artifacts").rglob("*") if path.is_file()]

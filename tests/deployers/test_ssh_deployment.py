"""What a deployment does on a host: release folders, the switch, the restart, what is kept and what is not."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from adapters.deployers.ssh import SshDeployer
from application.ports.executor import Outcome, Terminal
from domain.task.values import Artifact
from tests.deployers.rig import Log, stored
from tests.deployers.ssh_rig import QUICK, SshRig, members
from tests.support.waiting import until

BUSYBOX = pytest.param("busybox", marks=pytest.mark.real)  # long; the contract runs there every time
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.parametrize("ssh_host", ["asyncssh", BUSYBOX], indirect=True, scope="module")]


async def deploy(rig: SshRig, key: str, release: str = "v1-1", log: Log | None = None, **given: object) -> Outcome:
    return await rig.deployer.apply(rig.receipt(key, release, **given), log or Log())  # type: ignore[arg-type]


def with_artifact(rig: SshRig, key: str, artifact: Artifact, path: Path):
    receipt = rig.receipt(key)
    job = type(receipt.job)(**{**{name: getattr(receipt.job, name) for name in receipt.job.__struct_fields__}, "artifact": artifact})
    return type(receipt)(key, job, receipt.secrets, path)


async def test_the_package_becomes_the_root_of_the_release(rig: SshRig):
    await deploy(rig, "a-1", files={"bin/app": "#!/bin/sh\n", "README": "hello"})
    release = rig.path / "releases" / "v1-1"
    assert (release / "README").read_text() == "hello"
    assert (release / "bin" / "app").is_file()
    assert os.readlink(rig.path / "current") == "releases/v1-1"


async def test_a_package_of_one_file_keeps_its_name_and_can_be_run(rig: SshRig, tmp_path: Path):
    file = tmp_path / "stored"
    file.write_bytes(b"#!/bin/sh\necho \xff\n")
    name = "my app $(touch x).sh"
    outcome = await rig.deployer.apply(with_artifact(rig, "a-1", stored(file, name, unpack=False), file), Log())
    assert outcome.state == "succeeded"
    installed = rig.path / "current" / name
    assert (installed.read_bytes(), os.access(installed, os.X_OK)) == (file.read_bytes(), True)


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\nb"])
async def test_a_file_that_would_leave_its_folder_is_refused(rig: SshRig, tmp_path: Path, name: str):
    file = tmp_path / "stored"
    file.write_bytes(b"x")
    with pytest.raises(Terminal, match="name of the installed file"):
        await rig.deployer.apply(with_artifact(rig, "a-1", stored(file, name, unpack=False), file), Log())
    assert rig.receipts() == []


async def test_a_package_that_does_not_match_its_digest_is_refused_before_anything_begins(rig: SshRig):
    receipt = rig.receipt("a-1")
    assert receipt.artifact is not None
    receipt.artifact.write_bytes(receipt.artifact.read_bytes() + b"x")
    with pytest.raises(Terminal, match="does not match its digest"):
        await rig.deployer.apply(receipt, Log())
    assert rig.receipts() == []


async def test_a_package_that_is_no_archive_fails_and_leaves_the_former_release(rig: SshRig, tmp_path: Path):
    await deploy(rig, "a-1", "v0-1")
    file = tmp_path / "stored"
    file.write_bytes(b"no archive")
    outcome = await rig.deployer.apply(with_artifact(rig, "b-1", stored(file, "x.tar.gz", unpack=True), file), Log())
    assert (outcome.state, "could not be unpacked" in outcome.error) == ("failed", True)
    assert (rig.current(), (rig.path / "releases" / "v1.0.0-1").exists(), list((rig.state / "tmp").iterdir())) == ("v0-1", False, [])


async def test_a_package_is_uploaded_once_however_often_it_is_installed(rig: SshRig):
    logs = [Log(), Log()]
    await deploy(rig, "a-1", "v1-1", logs[0], files={"f": "same"})
    await deploy(rig, "b-1", "v1-2", logs[1], files={"f": "same"})
    assert [any("uploading" in line for line in log.lines) for log in logs] == [True, False]


async def test_a_package_that_went_bad_on_the_host_fails_and_the_next_attempt_uploads_it_again(rig: SshRig):
    await deploy(rig, "a-1", "v1-1", files={"f": "same"})
    (kept,) = (rig.state / "artifacts").iterdir()
    kept.write_bytes(b"rotten")
    failed = await deploy(rig, "b-1", "v1-2", files={"f": "same"})
    assert (failed.state, "damaged" in failed.error, rig.current()) == ("failed", True, "v1-1")
    assert (await deploy(rig, "b-2", "v1-2", files={"f": "same"})).state == "succeeded"


async def test_old_releases_go_but_for_the_newest_the_current_one_and_the_one_before(rig: SshRig):
    rig.config["keep_releases"] = 2
    (rig.path / "releases" / "by hand").mkdir(parents=True)
    for n in range(1, 5):
        await deploy(rig, f"a{n}-1", f"v{n}-{n}")
    assert names(rig) == {"v3-3", "v4-4", "by hand"}
    rig.config["keep_releases"] = 1
    await deploy(rig, "b-1", "v5-5")
    assert names(rig) == {"v4-4", "v5-5", "by hand"}


async def test_the_release_that_was_current_is_kept_even_if_newer_ones_failed_to_become_it(rig: SshRig, tmp_path: Path):
    rig.config["keep_releases"] = 2
    await deploy(rig, "a-1", "good-1")
    bad = tmp_path / "bad"
    bad.write_bytes(b"no archive")
    for n in range(3):
        receipt = with_artifact(rig, f"b-{n}", stored(bad, "bad.tar.gz", unpack=True), bad)
        assert (await rig.deployer.apply(receipt, Log())).state == "failed"
    await deploy(rig, "c-1", "next-2")
    assert names(rig) == {"good-1", "next-2"}


def names(rig: SshRig) -> set[str]:
    return {path.name for path in (rig.path / "releases").iterdir()}


async def test_a_retry_with_a_rebuilt_package_replaces_its_own_release_folder(rig: SshRig):
    rig.fail_next()
    assert (await deploy(rig, "a-1", files={"f": "first"})).state == "failed"
    assert (await deploy(rig, "a-2", files={"f": "second"})).state == "succeeded"
    assert (rig.path / "current" / "f").read_text() == "second"


async def test_two_applications_do_not_overwrite_each_other_in_one_path(rig: SshRig):
    await deploy(rig, "a-1", files={"f": "shop"})
    outcome = await deploy(rig, "b-1", files={"f": "other"}, application_id="app_2")
    assert (outcome.state, "a deploy_path of its own" in outcome.error) == ("failed", True)
    assert (rig.path / "current" / "f").read_text() == "shop"


async def test_a_folder_in_the_place_of_the_link_is_left_alone(rig: SshRig):
    (rig.path / "current").mkdir(parents=True)
    with pytest.raises(Terminal, match="is not a link"):
        await deploy(rig, "a-1")
    assert rig.receipts() == []


async def test_the_restart_command_runs_in_current_and_knows_what_it_restarts(rig: SshRig):
    rig.config["restart_command"] = "pwd -P; env | grep ^TIANGONG_ | sort; echo \"self=$0\""
    log = Log()
    await deploy(rig, "a-1", "v1' \"$(id)\"-1", log)
    assert str(rig.path / "releases" / "v1' \"$(id)\"-1") in log.lines
    assert "TIANGONG_VERSION=v1' \"$(id)\"" in log.lines
    expected = {"APPLICATION=shop", "COMMIT=c0ffee", "DEPLOYMENT=dep_1", "ENVIRONMENT=production", "RELEASE=v1' \"$(id)\"-1"}
    assert {f"TIANGONG_{one}" for one in expected} < set(log.lines)


async def test_without_a_command_and_a_service_nothing_is_restarted(rig: SshRig):
    rig.config["restart_command"] = ""
    log = Log()
    assert (await deploy(rig, "a-1", log=log)).state == "succeeded"
    assert any("nothing to restart" in line for line in log.lines)


async def test_a_restart_that_starts_a_daemon_does_not_keep_us_waiting(rig: SshRig):
    rig.config["restart_command"] = f"sleep 30 & echo $! >'{rig.signs}/daemon'"
    begun = time.monotonic()
    outcome = await deploy(rig, "a-1")
    daemon = int((rig.signs / "daemon").read_text())
    os.kill(daemon, signal.SIGTERM)  # it runs, and it is ours to end
    assert (outcome.state, time.monotonic() - begun < 5) == ("succeeded", True)
    assert (await deploy(rig, "b-1", "v2-2")).state == "succeeded"


async def test_a_restart_that_does_not_end_is_stopped_in_time_with_all_that_it_started(rig: SshRig):
    rig.config["restart_command"] = f"sleep 60 & echo $! >'{rig.signs}/child'; wait"
    begun = time.monotonic()
    outcome = await deploy(rig, "a-1", timeout=5)
    assert (outcome.state, "did not end in time" in outcome.error, time.monotonic() - begun < 5) == ("failed", True, True)
    assert rig.current() == "v1-1"
    child = int((rig.signs / "child").read_text())
    await until(lambda: not alive(child))


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


async def test_a_lot_of_output_and_output_in_no_encoding_arrive(rig: SshRig):
    rig.config["restart_command"] = (
        "i=0; while [ $i -lt 9 ]; do i=$((i+1)); printf 'x%.0s' 1 2 3; done; echo; "
        "head -c 10000000 /dev/zero | tr '\\0' 'a' | fold -w 1000; echo; printf '\\377\\376 \\000 caf\\303\\251 \\347\\216\\213\\r\\nno end of line'"
    )
    log = Log()
    assert (await deploy(rig, "a-1", log=log)).state == "succeeded"
    assert sum(len(line) for line in log.lines if set(line) == {"a"}) >= 10_000_000
    assert "\ufffd\ufffd \ufffd café 王" in log.lines
    assert any(line.startswith("no end of line") for line in log.lines)


async def test_the_log_goes_on_where_the_last_reader_stopped(rig: SshRig):
    rig.config["restart_command"] = f"echo before; while [ -e '{rig.signs}/hold' ]; do sleep 0.05; done; echo after"
    rig.hold()
    first, second = Log(), Log()
    receipt = rig.receipt("a-1")
    task = asyncio.create_task(rig.deployer.apply(receipt, first))
    await until(lambda: "before" in first.lines)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    second = Log(first.offset)
    assert (await SshDeployer(QUICK).observe(receipt, second)).state == "running"
    rig.release()
    assert (await SshDeployer(QUICK).apply(receipt, second)).state == "succeeded"
    printed = (rig.job("a-1") / "output").read_text().splitlines()
    assert [line for line in first.lines + second.lines if "uploading" not in line] == printed
    assert second.lines == ["after"]


@pytest.mark.parametrize("name", ["with space", "quote'\"s", "$(touch hacked)`id`", "-rf", "日本語", "a;b&c|d", "back\\slash\\n", "*"])
async def test_odd_names_are_names_and_nothing_more(ssh_host, rig: SshRig, name: str):
    rig.path = rig.path.parent / name
    rig.config["deploy_path"] = str(rig.path)
    outcome = await deploy(rig, "a-1", f"{name}-1")
    assert (outcome.state, outcome.error) == ("succeeded", "")
    assert os.readlink(rig.path / "current") == f"releases/{name.replace('-rf', '%2Drf')}-1"
    assert {path.name for path in rig.path.iterdir()} == {"current", "releases", ".tiangong"}
    assert not list(ssh_host.home.rglob("hacked"))
    assert (await deploy(rig, "b-1", f"{name}-2", target=rig.target(keep_releases=1))).state == "succeeded"
    await deploy(rig, "c-1", f"{name}-3", target=rig.target(keep_releases=1))
    assert len(names(rig)) == 2


async def test_a_version_with_a_slash_is_one_folder(rig: SshRig):
    assert (await deploy(rig, "a-1", "release/1.0-1")).state == "succeeded"
    assert names(rig) == {"release%2F1.0-1"}


async def test_a_deployment_leaves_no_process_behind(rig: SshRig):
    rig.config["restart_command"] = "true"
    outcomes = await asyncio.gather(*(deploy(rig, f"k{n}-1", f"v{n}-{n}") for n in range(6)))
    assert {outcome.state for outcome in outcomes} == {"succeeded"}
    await until(lambda: not [n for n in range(6) if members(rig.pid(f"k{n}-1"))], 3)


async def test_a_script_killed_before_the_switch_is_interrupted_and_the_former_release_stays(rig: SshRig):
    rig.hold()
    first = asyncio.create_task(deploy(rig, "a-1", "v1-1"))
    await rig.begun("a-1", "command")
    second = asyncio.create_task(deploy(rig, "b-1", "v2-2"))
    await until(lambda: rig.count("start", "b-1"))
    os.killpg(rig.pid("b-1"), signal.SIGKILL)
    outcome = await second
    assert (outcome.state, "current is v1-1, not this release" in outcome.error) == ("interrupted", True)
    rig.release()
    await first
    aborted = await rig.deployer.abort(rig.receipt("b-1", "v2-2"), Log())
    assert (aborted.stopped, rig.count("end", "b-1")) == (True, 1)


async def test_a_restart_whose_script_was_killed_runs_on_and_then_is_interrupted(rig: SshRig):
    rig.hold()
    task = asyncio.create_task(deploy(rig, "a-1"))
    await until(lambda: rig.pid("a-1", "command"))
    os.killpg(rig.pid("a-1"), signal.SIGKILL)
    receipt = rig.receipt("a-1", "v1-1")
    assert (await rig.deployer.observe(receipt, Log())).state == "running"
    rig.release()
    assert (await task).state == "interrupted"
    assert rig.count("end", "a-1") == 0


async def test_a_receipt_of_before_a_reboot_is_no_running_job(rig: SshRig):
    await deploy(rig, "a-1")
    await rig.forget_end("a-1")
    start = rig.job("a-1") / "start"
    start.write_text(start.read_text().replace(f"pid={rig.pid('a-1')}", "pid=1"))
    assert (await rig.deployer.observe(rig.receipt("a-1", "v1-1"), Log())).state == "interrupted"
    start.write_text("pid=1\nborn=" + Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19] + "\nboot=another\n")
    assert (await rig.deployer.observe(rig.receipt("a-1", "v1-1"), Log())).state == "interrupted"
    assert (await deploy(rig, "b-1", "v2-2")).state == "succeeded"


async def test_ten_deployments_at_once_never_meet(rig: SshRig):
    rig.config["restart_command"] = f"mkdir '{rig.signs}/alone' || exit 9; sleep 0.02; rmdir '{rig.signs}/alone'"
    outcomes = await asyncio.gather(*(deploy(rig, f"k{n}-1", f"v{n}-{n}") for n in range(10)))
    assert [outcome.state for outcome in outcomes] == ["succeeded"] * 10
    assert sorted(line.split()[0] for line in rig.receipts()) == ["end"] * 10 + ["start"] * 10
    assert rig.current() in {f"v{n}-{n}" for n in range(10)}


@pytest.mark.parametrize("key", ["", "../x", "a b", ".hidden", "-x", "a/b"])
async def test_a_key_that_is_no_folder_name_is_refused(rig: SshRig, key: str):
    with pytest.raises(Terminal, match="key"):
        await deploy(rig, key)


async def test_an_abort_that_came_first_and_died_still_keeps_the_job_from_its_switch(rig: SshRig):
    await deploy(rig, "a-1", "v1-1")
    rig.job("b-1").mkdir()
    (rig.job("b-1") / "gate").write_text("by=abort\n")
    outcome = await deploy(rig, "b-1", "v2-2")
    assert (outcome.state, outcome.error, rig.current()) == ("failed", f"127.0.0.1:{rig.wire.port}: aborted before the switch", "v1-1")
    assert rig.count("end", "b-1") == 1


async def test_an_end_that_was_decided_but_not_noted_any_more_is_noted_once_by_who_looks(rig: SshRig):
    await deploy(rig, "a-1")
    job, notes = rig.job("a-1"), rig.state / "receipts"
    await until(lambda: not members(rig.pid("a-1")))
    (job / "end").unlink()
    notes.write_text("")
    receipt = rig.receipt("a-1", "v1-1")
    seen = await asyncio.gather(*(rig.deployer.observe(receipt, Log()) for _ in range(4)))
    assert {outcome.state for outcome in seen} == {"succeeded"}
    assert (rig.count("start", "a-1"), rig.count("end", "a-1")) == (1, 1)


async def test_another_application_does_not_take_the_place_of_the_one_that_runs(rig: SshRig):
    await deploy(rig, "a-1", "v1-1")
    outcome = await deploy(rig, "b-1", "v1-2", application_id="app_2")
    assert outcome.state == "failed"
    assert "v1-1, which is current, is another application's" in outcome.error
    assert os.readlink(rig.path / "current") == "releases/v1-1"
    (rig.path / "current").unlink()  # the way out that the words name
    assert (await deploy(rig, "b-2", "v1-3", application_id="app_2")).state == "succeeded"

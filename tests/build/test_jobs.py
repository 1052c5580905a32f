"""The job types, end to end: a real repository, real commands, a real artifact store."""

import hashlib
import tarfile

import pytest

from adapters.build.runner import BuildRunner, BuildSettings
from application.ports.executor import Terminal
from tests.build.conftest import Bench

USER = {"git_user": "ci"}
GO = "mode: set\\nx/a.go:1.1,3.2 3 1\\nx/a.go:4.1,5.2 1 0\\n"


async def run(bench: Bench, type: str, application: dict[str, object], key: str = "task_1-1", **more):
    return await bench.runner.apply(bench.receipt(type, key, application=USER | application, **more), bench.log)


async def test_a_build_installs_builds_and_packs(bench: Bench):
    commit = bench.repo.commit({"app/main.txt": "hello"}, "v1")
    application = {"context": "app", "install_command": "echo installing >&2; mkdir dist", "build_command": "tr a-z A-Z < main.txt > dist/out.txt",
                   "artifact": "dist"}
    outcome = await run(bench, "build", application, tag="v1", commit=commit)
    assert outcome.state == "succeeded", outcome
    artifact = outcome.result["artifact"]
    path = bench.artifacts.path(artifact["digest"])
    digest = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    assert artifact == {"digest": digest, "name": "shop-v1.tar.gz", "size": path.stat().st_size, "unpack": True}
    with tarfile.open(path) as tar:
        assert tar.extractfile("out.txt").read() == b"HELLO"
    shown = [message for _, message in bench.log if message.startswith("$ ") or message == "installing"]
    assert shown == ["$ " + application["install_command"], "installing", "$ " + application["build_command"]]


async def test_two_builds_of_one_commit_make_the_same_package(bench: Bench):
    commit = bench.repo.commit({"a/b.txt": "x", "a/c.txt": "y"})
    first = await run(bench, "build", {"build_command": "date +%N > /dev/null; touch new"}, commit=commit)
    second = await run(bench, "build", {"build_command": "sleep 0.01; touch new"}, "task_2-1", commit=commit, deployment="dep_2")
    assert first.result["artifact"]["digest"] == second.result["artifact"]["digest"]


async def test_commands_know_what_they_build_by_variables(bench: Bench):
    commit = bench.repo.commit({"a.txt": ""}, "v1.2.0")
    await run(bench, "build", {"build_command": "env | sort; pwd; git describe --tags"}, tag="v1.2.0", commit=commit)
    env = dict(line.split("=", 1) for _, line in bench.log if "=" in line and not line.startswith("$"))
    home = str(bench.workspaces / "dep_1/app_1/home")
    assert env.keys() - {"PWD", "OLDPWD", "SHLVL", "_"} == {
        "PATH", "HOME", "TMPDIR", "LANG", "CI", "TIANGONG_VERSION", "TIANGONG_COMMIT", "TIANGONG_ENVIRONMENT", "TIANGONG_APPLICATION",
        "TIANGONG_RELEASE", "TIANGONG_DEPLOYMENT", "TIANGONG_REPOSITORY",
    }
    assert (env["TIANGONG_VERSION"], env["TIANGONG_COMMIT"], env["TIANGONG_ENVIRONMENT"], env["HOME"]) == ("v1.2.0", commit, "production", home)
    assert bench.log[-2][1] == "v1.2.0"  # the packed line is the last


@pytest.mark.parametrize(("application", "error"), [
    ({"build_command": "echo no >&2; exit 7"}, "build_command ended with exit code 7"),
    ({"install_command": "kill -9 $$"}, "install_command ended with exit code 137 (SIGKILL)"),
    ({"artifact": "dist"}, "artifact dist does not exist after the build"),
    ({"artifact": ["a.txt", "*.whl"]}, "artifact *.whl matches nothing"),
    ({"artifact": "../../../etc"}, "artifact ../../../etc leads out of the workspace"),
    ({"build_command": "ln -s /etc out", "artifact": "out"}, "artifact out leads out of the workspace"),
    ({"build_command": "mkdir d && ln -s /etc/passwd d/x", "artifact": "d"}, "the link x -> /etc/passwd leads out of the package"),
    ({"context": "../.."}, "context ../.. leads out of the workspace"),
    ({"context": "nowhere"}, "context nowhere is no folder of the repository"),
    ({"build_command": ["make"]}, "build_command must be a text"),
])
async def test_a_build_that_cannot_end_well_says_why(bench: Bench, application, error):
    commit = bench.repo.commit({"a.txt": ""})
    outcome = await run(bench, "build", application, commit=commit)
    assert (outcome.state, outcome.error, outcome.result) == ("failed", error, {})
    assert bench.log[-1] == ("error", error)


async def test_a_test_runs_where_the_build_ended_and_reports_coverage(bench: Bench):
    commit = bench.repo.commit({"a.txt": ""})
    application = {"build_command": "touch built; echo x >> ../times", "test_command": f"test -e built && printf '{GO}' > coverage.out",
                   "coverage_threshold": "75"}
    await run(bench, "build", application, commit=commit)
    outcome = await run(bench, "test", application, "task_2-1", commit=commit)
    assert (outcome.state, outcome.result) == ("succeeded", {"coverage": 75.0})
    assert (bench.workspaces / "dep_1/app_1/times").read_text() == "x\n"


async def test_a_test_builds_again_where_the_workspace_is_gone(bench: Bench):
    commit = bench.repo.commit({"a.txt": ""})
    application = {"build_command": "touch built", "test_command": "test -e built"}
    await run(bench, "build", application, commit=commit)
    assert bench.runner.forget("dep_1")
    assert not (bench.workspaces / "dep_1").exists()
    outcome = await run(bench, "test", application, "task_2-1", commit=commit)
    assert (outcome.state, outcome.result) == ("succeeded", {})


async def test_a_test_does_not_trust_a_build_that_failed(bench: Bench):
    commit = bench.repo.commit({"a.txt": ""})
    await run(bench, "build", {"build_command": "touch half; exit 1"}, commit=commit)
    outcome = await run(bench, "test", {"test_command": "test ! -e half"}, "task_2-1", commit=commit)
    assert outcome.state == "succeeded"


@pytest.mark.parametrize(("settings", "error"), [
    ({"coverage_threshold": 80, "test_command": f"printf '{GO}' > coverage.out"}, "coverage 75.00 % is below the threshold of 80 %"),
    ({"coverage_threshold": 80, "test_command": "true", "coverage_report": "out/c.xml"}, "coverage report out/c.xml does not exist after the test"),
    ({"coverage_threshold": 80, "test_command": "rm -rf coverage.xml; ln -s /etc/passwd coverage.xml", "coverage_report": "coverage.xml"}, None),
    ({"test_command": "exit 1"}, "test_command ended with exit code 1"),
    ({}, "there is no test_command"),
    ({"coverage_threshold": "many", "test_command": "true"}, "coverage_threshold must be a number"),
])
async def test_a_test_that_cannot_end_well_says_why(bench: Bench, settings, error):
    commit = bench.repo.commit({"a.txt": ""})
    outcome = await run(bench, "test", settings, commit=commit)
    assert outcome.state == "failed"
    assert error in (None, outcome.error)


async def test_a_broken_report_without_a_threshold_is_a_warning(bench: Bench):
    commit = bench.repo.commit({"a.txt": ""})
    outcome = await run(bench, "test", {"test_command": "echo hello > r", "coverage_report": "r"}, commit=commit)
    assert (outcome.state, outcome.result, bench.log[-1][0]) == ("succeeded", {}, "warn")


async def test_the_tasks_own_settings_come_before_the_applications(bench: Bench):
    commit = bench.repo.commit({"a.txt": ""})
    await run(bench, "build", {"build_command": "echo application"}, commit=commit, config={"build_command": "echo task"})
    assert ("info", "task") in bench.log
    assert ("info", "application") not in bench.log


async def test_what_prepare_makes_is_there_for_the_build_and_the_builds_for_custom(bench: Bench):
    commit = bench.repo.commit({"a.txt": ""})
    assert (await run(bench, "prepare", {}, "t1-1", commit=commit, config={"command": "touch prepared"})).state == "succeeded"
    assert (await run(bench, "build", {"build_command": "test -e prepared && touch built"}, "t2-1", commit=commit)).state == "succeeded"
    assert (await run(bench, "custom", {}, "t3-1", commit=commit, config={"command": "test -e built"})).state == "succeeded"
    assert (await run(bench, "custom", {}, "t4-1", commit=commit, config={"command": "exit 3"})).error == "command ended with exit code 3"
    assert (await run(bench, "custom", {}, "t5-1", commit=commit, config={})).error == "there is no command"


async def test_a_retried_build_begins_with_a_fresh_checkout(bench: Bench):
    commit = bench.repo.commit({"a.txt": ""})
    application = {"build_command": "test ! -e left; touch left"}
    assert [(await run(bench, "build", application, f"task_1-{n}", commit=commit)).state for n in (1, 2)] == ["succeeded", "succeeded"]
    assert (await run(bench, "build", {"build_command": "touch left; exit 1"}, "task_1-3", commit=commit)).state == "failed"
    assert (await run(bench, "build", {"build_command": "test ! -e left"}, "task_1-4", commit=commit)).state == "succeeded"


async def test_old_workspaces_go_and_the_newest_stay(bench: Bench):
    commit = bench.repo.commit({"a.txt": ""})
    for n in (1, 2, 3, 4):
        await run(bench, "build", {"build_command": "mkdir ro && touch ro/x && chmod 500 ro"}, f"task_{n}-1", commit=commit, deployment=f"dep_{n}")
    assert {path.name for path in bench.workspaces.iterdir() if path.is_dir()} == {"dep_3", "dep_4"}


async def test_a_job_that_is_no_build_is_not_begun(bench: Bench):
    with pytest.raises(Terminal):
        await run(bench, "deploy", {})


async def test_an_id_that_is_a_path_makes_no_workspace(bench: Bench, tmp_path):
    with pytest.raises(ValueError, match="not ids"):
        await run(bench, "build", {}, deployment="../x")
    assert not (tmp_path / "x").exists()


async def test_the_commands_path_is_a_setting(bench: Bench, tmp_path):
    commit = bench.repo.commit({"a.txt": ""})
    runner = BuildRunner(tmp_path / "w", bench.artifacts, BuildSettings(path="/nowhere"))
    outcome = await runner.apply(bench.receipt(commit=commit, application=USER | {"build_command": "ls"}), bench.log)
    assert outcome.error == "build_command ended with exit code 127"

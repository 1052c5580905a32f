"""Services and login scripts: a host with a `systemctl` of its own (this machine has no systemd to ask) and a talkative shell."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.deployers.rig import Log
from tests.deployers.ssh_rig import SshRig
from tests.real.hosts import host, wire

SYSTEMCTL = """#!/bin/sh
echo "$@" >>"$HOME/calls"
case $1 in
restart) [ "$2" = app ] || { echo "Unit $2 not found." >&2; exit 5; }; echo active >"$HOME/state" ;;
is-active) cat "$HOME/state" 2>/dev/null || { echo inactive; exit 3; } ;;
show) echo "MainPID=$(cat "$HOME/pid")" ;;
esac
"""
TALKATIVE = """#!/bin/sh
if [ "$1" = -c ]; then echo "Welcome to $(hostname)! tiangong"; echo "quota: 90 %" >&2; fi
exec /bin/sh "$@"
"""


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[SshRig]:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in (("systemctl", SYSTEMCTL), ("sh", TALKATIVE)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    async with host(tmp_path / "host", "asyncssh", {"PATH": f"{folder}:{os.environ['PATH']}"}) as started, wire(started.port) as line:
        (started.home / "pid").write_text(f"{os.getpid()}\n")
        made = SshRig(tmp_path, started, line)
        made.config |= {"restart_command": "", "service_name": "app"}
        yield made


async def test_without_a_restart_command_the_service_is_restarted(rig: SshRig):
    outcome = await rig.deployer.apply(rig.receipt("a-1"), Log())
    assert outcome.state == "succeeded"
    assert "restart app" in (rig.host.home / "calls").read_text().splitlines()
    assert [host["service"] for host in outcome.result["hosts"].values()] == ["active"]  # type: ignore[attr-defined]


async def test_a_service_that_does_not_exist_fails_with_its_name(rig: SshRig):
    log = Log()
    name = "no $(touch x) 'such'"
    outcome = await rig.deployer.apply(rig.receipt("a-1", target=rig.target(service_name=name)), log)
    assert outcome.error == f"127.0.0.1:{rig.wire.port}: systemctl restart {name} ended with 5"
    assert f"Unit {name} not found." in log.lines


async def test_the_services_state_process_and_age_are_told(rig: SshRig):
    await rig.deployer.apply(rig.receipt("a-1"), Log())
    (service,) = await rig.deployer.services(rig.target(), rig.secrets)
    assert (service.running, service.pid, service.status) == (True, os.getpid(), "release v1.0.0-1, service active")
    assert ":" in service.uptime


async def test_a_health_check_without_a_port_asks_for_the_service(rig: SshRig):
    check = rig.receipt("b-1", type="health_check", config={"timeout": "0.6", "interval": 0.1})
    outcome = await rig.deployer.apply(check, Log())
    assert (outcome.state, "the service app is inactive" in outcome.error) == ("failed", True)
    await rig.deployer.apply(rig.receipt("a-1"), Log())
    assert (await rig.deployer.apply(check, Log())).state == "succeeded"


async def test_what_a_login_script_prints_is_not_taken_for_the_jobs_output(rig: SshRig):
    log = Log()
    await rig.deployer.apply(rig.receipt("a-1"), log)
    assert (log.offset, [line for line in log.lines if "Welcome" in line or "quota" in line]) == ((rig.job("a-1") / "output").stat().st_size, [])


async def test_an_interrupted_deployment_tells_how_the_service_is(rig: SshRig):
    await rig.deployer.apply(rig.receipt("a-1"), Log())
    await rig.forget_end("a-1")
    seen = await rig.deployer.observe(rig.receipt("a-1"), Log())
    assert (seen.state, seen.error.endswith("the release is current; the service is active")) == ("interrupted", True)

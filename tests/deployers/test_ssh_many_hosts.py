"""Several hosts: begun on all or on none, told host by host."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest

from application.ports.executor import Terminal, Transient
from tests.deployers.rig import Log
from tests.deployers.ssh_rig import SshRig
from tests.real.hosts import host, own_folder, wire
from tests.support.waiting import until


class Fleet(SshRig):
    """Three machines that have one deploy path, each its own. What the rig sees of a host, it sees of the first."""

    rigs: list[SshRig]

    @classmethod
    def of(cls, rigs: list[SshRig], place: Path) -> "Fleet":
        fleet = cls.__new__(cls)
        fleet.__dict__.update(rigs[0].__dict__)
        fleet.rigs = rigs
        signs = place / "signs"
        fleet.secrets = rigs[0].secrets
        fleet.config = {
            "hosts": [name for rig in rigs for name in rig.config["hosts"]],  # type: ignore[attr-defined]
            "known_hosts": "\n".join(str(rig.config["known_hosts"]) for rig in rigs),
            "ssh_key": {"secret": "sec_1"},
            "deploy_path": str(place / "app"),
            "restart_command": f"echo restarting; if rm {signs}/fail 2>/dev/null; then exit 3; fi; while [ -e {signs}/hold ]; do sleep 0.05; done",
        }
        return fleet

    def names(self) -> list[str]:
        return [f"127.0.0.1:{rig.wire.port}" for rig in self.rigs]


@contextlib.asynccontextmanager
async def machine(folder: Path, place: Path, key: Path | None) -> AsyncIterator[SshRig]:
    own = folder / "home" / "srv"
    (own / "signs").mkdir(parents=True)
    if key:
        for name in ("client_key", "client_key.pub"):
            (folder / name).write_bytes((key / name).read_bytes())
    async with host(folder, "asyncssh", wrapper=own_folder(place, own)) as started, wire(started.port) as line:
        (own / "rig").mkdir()
        rig = SshRig(own / "rig", started, line)
        rig.path, rig.signs = own / "app", own / "signs"
        yield rig


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    place = tmp_path / "place"
    place.mkdir()
    async with contextlib.AsyncExitStack() as stack:
        rigs: list[SshRig] = []
        for name in ("a", "b", "c"):
            folder = tmp_path / name
            folder.mkdir()
            rigs.append(await stack.enter_async_context(machine(folder, place, tmp_path / "a" if rigs else None)))
        yield Fleet.of(rigs, place)


def states(result: dict[str, object]) -> list[str]:
    hosts = result["hosts"]
    assert isinstance(hosts, dict)
    return [host["state"] for host in hosts.values()]


async def test_every_host_gets_the_release_and_each_is_told_by_name(fleet: Fleet):
    log = Log()
    outcome = await fleet.deployer.apply(fleet.receipt("a-1", "v1-1"), log)
    assert (outcome.state, list(outcome.result["hosts"])) == ("succeeded", fleet.names())  # type: ignore[call-overload]
    assert [rig.current() for rig in fleet.rigs] == ["v1-1"] * 3
    assert {f"{name}: restarting" for name in fleet.names()} < set(log.lines)
    services = await fleet.deployer.services(fleet.target(), fleet.secrets)
    assert [(one.host, one.running) for one in services] == [(name, True) for name in fleet.names()]


async def test_one_host_that_fails_fails_the_deployment_and_the_others_results_are_kept(fleet: Fleet):
    fleet.rigs[1].fail_next()
    outcome = await fleet.deployer.apply(fleet.receipt("a-1"), Log())
    assert (outcome.state, states(outcome.result)) == ("failed", ["succeeded", "failed", "succeeded"])
    assert outcome.error == f"{fleet.names()[1]}: restart_command ended with 3"


async def test_a_host_that_is_down_at_the_start_keeps_the_deployment_from_beginning_anywhere(fleet: Fleet):
    await fleet.rigs[2].lose()
    with pytest.raises(Transient, match="cannot be reached"):
        await fleet.deployer.apply(fleet.receipt("a-1"), Log())
    assert [rig.path.exists() for rig in fleet.rigs] == [False] * 3


async def test_a_host_with_a_changed_key_keeps_every_other_from_being_told_anything(fleet: Fleet):
    lines = str(fleet.config["known_hosts"]).splitlines()
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    fleet.config["known_hosts"] = "\n".join([*lines[:2], f"[127.0.0.1]:{fleet.rigs[2].wire.port} {other}"])
    with pytest.raises(Terminal, match="not the pinned one"):
        await fleet.deployer.apply(fleet.receipt("a-1"), Log())
    assert [rig.path.exists() for rig in fleet.rigs] == [False] * 3


async def test_a_host_that_cannot_take_the_package_keeps_the_deployment_from_beginning_anywhere(fleet: Fleet):
    fleet.rigs[1].path.write_text("a file in the way")
    with pytest.raises(Terminal, match=fleet.names()[1]):
        await fleet.deployer.apply(fleet.receipt("a-1"), Log())
    assert [rig.receipts() for rig in (fleet.rigs[0], fleet.rigs[2])] == [[], []]


async def test_a_host_lost_half_way_leaves_the_outcome_open_until_it_is_seen_again(fleet: Fleet):
    receipt = fleet.receipt("a-1")
    fleet.rigs[1].hold()
    task = asyncio.create_task(fleet.deployer.apply(receipt, Log()))
    await until(lambda: fleet.rigs[1].pid("a-1", "command"))
    await fleet.rigs[1].lose()
    with pytest.raises(Transient) as lost:
        await task
    assert f"{fleet.names()[0]}: succeeded" in str(lost.value)
    with pytest.raises(Transient):
        await fleet.deployer.observe(receipt, Log())
    await fleet.rigs[1].regain()
    assert (await fleet.deployer.observe(receipt, Log())).state == "running"
    fleet.rigs[1].release()
    await until(lambda: fleet.rigs[1].count("end", "a-1"))
    seen = await fleet.deployer.observe(receipt, Log())
    assert (seen.state, states(seen.result)) == ("succeeded", ["succeeded"] * 3)


async def test_an_abort_says_for_each_host_what_it_achieved(fleet: Fleet):
    for rig in fleet.rigs[:2]:
        rig.hold()
    receipt = fleet.receipt("a-1")
    task = asyncio.create_task(fleet.deployer.apply(receipt, Log()))
    for rig in fleet.rigs[:2]:
        await until(lambda rig=rig: rig.pid("a-1", "command"))
    await until(lambda: fleet.rigs[2].count("end", "a-1"))
    aborted = await fleet.deployer.abort(receipt, Log())
    assert not aborted.stopped
    assert (aborted.message.count("too late"), aborted.message.count("ended already: succeeded")) == (2, 1)
    for rig in fleet.rigs[:2]:
        rig.release()
    assert (await task).state == "succeeded"


async def test_an_abort_that_could_not_reach_a_host_is_transient_and_has_closed_the_others(fleet: Fleet):
    receipt = fleet.receipt("a-1")
    await fleet.rigs[2].lose()
    with pytest.raises(Transient, match="cannot begin any more"):
        await fleet.deployer.abort(receipt, Log())
    await fleet.rigs[2].regain()
    outcome = await fleet.deployer.apply(receipt, Log())
    assert (outcome.state, fleet.rigs[2].receipts()) == ("interrupted", [])
    assert f"{fleet.names()[2]}: never begun" in outcome.error


async def test_a_deployment_that_began_on_some_hosts_only_is_interrupted(fleet: Fleet):
    receipt = fleet.receipt("a-1")
    assert (await fleet.deployer.apply(receipt, Log())).state == "succeeded"
    for file in (fleet.rigs[2].job("a-1")).iterdir():
        file.unlink()
    seen = await fleet.deployer.observe(receipt, Log())
    assert (seen.state, seen.error) == ("interrupted", f"{fleet.names()[2]}: never begun")

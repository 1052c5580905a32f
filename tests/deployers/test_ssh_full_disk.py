"""Hosts that cannot take what they are given."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from application.ports.executor import Terminal
from tests.deployers.rig import Log
from tests.deployers.ssh_rig import SshRig
from tests.real.hosts import host, small_disk, wire

NOISE = bytes(range(256)) * 3000


@pytest.fixture
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SshRig]:
    """Parametrized with the size and mode of the disk that holds the deploy path."""
    place = tmp_path / "disk"
    place.mkdir()
    (tmp_path / "rig").mkdir()
    async with host(tmp_path / "host", "asyncssh", wrapper=small_disk(place, *request.param)) as started, wire(started.port) as line:
        made = SshRig(tmp_path / "rig", started, line)
        made.config["deploy_path"] = str(place / "app")
        yield made


@pytest.mark.parametrize("rig", [("64k", "rw")], indirect=True)
async def test_a_package_for_which_there_is_no_room_is_refused_before_anything_begins(rig: SshRig):
    receipt = rig.receipt("a-1", files={"noise": b"".join(NOISE[n:] for n in range(0, 256, 3))})
    with pytest.raises(Terminal, match="No space left on device"):
        await rig.deployer.apply(receipt, Log())
    assert (await rig.deployer.observe(receipt, Log())).state == "absent"


@pytest.mark.parametrize("rig", [("512k", "rw")], indirect=True)
async def test_a_package_that_does_not_fit_unpacked_fails_and_leaves_the_former_release_and_its_room(rig: SshRig):
    assert (await rig.deployer.apply(rig.receipt("a-1", "small-1"), Log())).state == "succeeded"
    log = Log()
    outcome = await rig.deployer.apply(rig.receipt("b-1", "large-2", files={"zeros": bytes(2_000_000)}), log)
    assert (outcome.state, "could not be unpacked" in outcome.error) == ("failed", True)
    assert [line for line in log.lines if "tar: zeros: " in line], log.lines  # "Wrote only …" or "No space left on device"
    (service,) = await rig.deployer.services(rig.target(), rig.secrets)
    assert "small-1" in service.status
    assert (await rig.deployer.apply(rig.receipt("c-1", "small-3"), Log())).state == "succeeded"


@pytest.mark.parametrize("rig", [("64k", "ro")], indirect=True)
async def test_a_path_that_cannot_be_written_is_refused_with_the_hosts_reason(rig: SshRig):
    with pytest.raises(Terminal, match="Read-only file system"):
        await rig.deployer.apply(rig.receipt("a-1"), Log())
    health = await rig.deployer.check(rig.target(), rig.secrets)
    assert (health.healthy, "cannot be written" in health.message) == (False, True)

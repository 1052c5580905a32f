"""Who we talk to, as whom, and what happens when nobody answers."""

import asyncio
import base64
import time

import asyncssh
import pytest

from application.ports.executor import Terminal, Transient
from tests.deployers.rig import Log
from tests.deployers.ssh_rig import QUICK, SshRig
from tests.support.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.parametrize("ssh_host", ["openssh", "asyncssh"], indirect=True, scope="module")]


def another_key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


async def refused(rig: SshRig, message: str) -> None:
    """Each of the three calls is refused, and the host was told nothing."""
    receipt = rig.receipt("task_1-1")
    for call in (rig.deployer.apply, rig.deployer.observe, rig.deployer.abort):
        with pytest.raises(Terminal, match=message):
            await call(receipt, Log())
    assert not rig.path.exists()


async def test_a_host_whose_key_is_not_pinned_is_told_nothing(rig: SshRig):
    for known in ("", "# nothing here\n", f"[127.0.0.1]:1 {another_key().export_public_key().decode()}"):
        rig.config["known_hosts"] = known
        await refused(rig, "no host key is pinned")


async def test_a_host_whose_key_has_changed_is_told_nothing(rig: SshRig):
    rig.config["known_hosts"] = f"[127.0.0.1]:{rig.wire.port} {another_key().export_public_key().decode()}"
    await refused(rig, "host key is not the pinned one")


async def test_a_host_that_has_no_key_of_the_pinned_kind_is_told_nothing(rig: SshRig):
    key = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    rig.config["known_hosts"] = f"[127.0.0.1]:{rig.wire.port} {key.export_public_key().decode()}"
    await refused(rig, "host key is not the pinned one")


async def test_a_key_that_opens_nothing_is_refused(rig: SshRig):
    rig.secrets["environment.ssh_key"] = base64.b64encode(another_key().export_private_key()).decode()
    await refused(rig, "may not log in")


async def test_another_user_may_not_log_in(rig: SshRig):
    rig.config["hosts"] = [f"nobody-here@127.0.0.1:{rig.wire.port}"]
    await refused(rig, "nobody-here may not log in")


async def test_a_refused_connection_is_transient(rig: SshRig):
    await rig.lose()
    with pytest.raises(Transient, match="cannot be reached"):
        await rig.deployer.apply(rig.receipt("task_1-1"), Log())


async def test_a_host_that_says_nothing_is_transient_within_the_limit(rig: SshRig):
    rig.deployer = type(rig.deployer)(type(QUICK)(connect=0.3))
    rig.wire.freeze()
    begun = time.monotonic()
    with pytest.raises(Transient, match=r"no answer within 0\.3 s"):
        await rig.deployer.apply(rig.receipt("task_1-1"), Log())
    assert time.monotonic() - begun < 3


async def test_a_connection_that_goes_silent_is_noticed_and_the_outcome_is_seen_when_it_is_back(rig: SshRig):
    rig.hold()
    receipt = rig.receipt("task_1-1")
    task = asyncio.create_task(rig.deployer.apply(receipt, Log()))
    await rig.begun("task_1-1", "command")
    rig.wire.freeze()
    begun = time.monotonic()
    with pytest.raises(Transient, match="connection was lost"):
        await task
    assert time.monotonic() - begun < 2 * QUICK.silence
    rig.release()
    await until(lambda: rig.count("end", "task_1-1"))
    await rig.regain()
    assert (await rig.deployer.observe(receipt, Log())).state == "succeeded"
    assert rig.count("end", "task_1-1") == 1


async def test_an_upload_cut_half_way_leaves_nothing_begun_and_a_second_try_succeeds(rig: SshRig):
    noise = bytes(range(256)) * 40_000
    receipt = rig.receipt("task_1-1", files={"noise": noise[::7] + noise[::-3]})
    rig.wire.limit = 6_000
    with pytest.raises(Transient):
        await rig.deployer.apply(receipt, Log())
    assert rig.receipts() == []
    rig.wire.limit = 0
    await rig.regain()
    assert (await rig.deployer.apply(receipt, Log())).state == "succeeded"


async def test_a_host_that_restarts_its_ssh_server_keeps_the_work(rig: SshRig):
    rig.hold()
    receipt = rig.receipt("task_1-1")
    task = asyncio.create_task(rig.deployer.apply(receipt, Log()))
    await rig.begun("task_1-1", "command")
    await rig.host.stop()
    with pytest.raises(Transient):
        await task
    await rig.host.start()
    assert (await rig.deployer.observe(receipt, Log())).state == "running"
    again = asyncio.create_task(rig.deployer.apply(receipt, Log()))
    rig.release()
    assert (await again).state == "succeeded"
    assert (rig.count("start", "task_1-1"), rig.count("end", "task_1-1")) == (1, 1)


async def test_the_fingerprint_of_an_unpinned_key_is_shown_so_that_it_can_be_pinned(rig: SshRig):
    pinned, rig.config["known_hosts"] = rig.config["known_hosts"], ""
    health = await rig.deployer.check(rig.target(), rig.secrets)
    (key,) = health.host_keys
    assert (health.healthy, key.pinned, key.line) == (False, False, pinned)
    assert key.fingerprint.startswith("SHA256:")
    rig.config["known_hosts"] = key.line
    health = await rig.deployer.check(rig.target(), rig.secrets)
    assert (health.healthy, [key.pinned for key in health.host_keys]) == (True, [True])


async def test_a_changed_key_is_shown_beside_the_refusal(rig: SshRig):
    rig.config["known_hosts"] = f"[127.0.0.1]:{rig.wire.port} {another_key().export_public_key().decode()}"
    health = await rig.deployer.check(rig.target(), rig.secrets)
    assert "not the pinned one" in health.message
    assert [(key.line, key.pinned) for key in health.host_keys] == [(rig.host.known_hosts_at(rig.wire.port), False)]


async def test_no_answer_and_no_log_repeats_the_key(rig: SshRig):
    log = Log()
    outcome = await rig.deployer.apply(rig.receipt("task_1-1"), log)
    health = await rig.deployer.check(rig.target(), rig.secrets)
    kept = [path.read_text(errors="replace") for path in rig.state.rglob("*") if path.is_file()]
    secret = rig.secrets["environment.ssh_key"]
    for said in (repr(outcome), repr(health), *log.lines, *kept, repr(rig.receipt("task_1-1"))):
        assert secret not in said
        assert rig.host.private_key.splitlines()[1] not in said

"""The control plane dies, connections break and scripts are killed at any moment: never two starts, never two ends, never a lie."""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import msgspec
import pytest

from application.ports.executor import Receipt, Transient
from tests.deployers.rig import Log
from tests.deployers.ssh_rig import SshRig
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")
CALLER = """
import asyncio, sys
import msgspec
from pathlib import Path
from adapters.deployers.ssh import SshDeployer
from application.ports.executor import Receipt
from domain.task.values import Job
from tests.deployers.rig import Log

given = msgspec.json.decode(sys.stdin.buffer.read())
receipt = Receipt(given["key"], msgspec.convert(given["job"], Job), given["secrets"], Path(given["artifact"]))
asyncio.run(SshDeployer().apply(receipt, Log()))
"""


async def caller(receipt: Receipt) -> asyncio.subprocess.Process:
    """A control plane of its own that applies the receipt."""
    given = {"key": receipt.key, "job": receipt.job, "secrets": receipt.secrets, "artifact": str(receipt.artifact)}
    root = Path(__file__).parents[2]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", CALLER, stdin=asyncio.subprocess.PIPE, cwd=root)
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(given))
    process.stdin.close()
    return process


async def test_a_killed_control_plane_does_not_stop_the_work_and_the_next_one_finds_its_end(rig: SshRig):
    rig.hold()
    receipt = rig.receipt("a-1")
    process = await caller(receipt)
    await until(lambda: rig.pid("a-1", "command"))
    process.kill()
    await process.wait()
    rig.release()
    await until(lambda: rig.count("end", "a-1"))
    assert (await rig.deployer.observe(receipt, Log())).state == "succeeded"
    assert (rig.count("start", "a-1"), rig.current()) == (1, "v1.0.0-1")


async def test_a_package_that_was_uploaded_by_a_killed_control_plane_needs_no_second_upload_to_be_whole(rig: SshRig):
    receipt = rig.receipt("a-1", files={"noise": os.urandom(3_000_000)})
    rig.wire.limit = 1_000_000
    with pytest.raises(Transient):
        await rig.deployer.apply(receipt, Log())
    rig.wire.limit = 0
    await rig.regain()
    assert [path.name for path in (rig.state / "artifacts").iterdir() if len(path.name) == 64] == []
    assert (await rig.deployer.apply(receipt, Log())).state == "succeeded"


@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(seed, marks=pytest.mark.real) for seed in range(6, 60))])
async def test_whatever_breaks_whenever_the_receipts_stay_single_and_tell_the_truth(rig: SshRig, seed: int):
    chance = random.Random(seed)
    receipts = [rig.receipt(f"k{n}-1", f"v{n}-{n}") for n in range(3)]
    rig.config["restart_command"] = "sleep 0.05"
    callers = [asyncio.create_task(settled(rig, receipt)) for receipt in receipts for _ in range(2)]
    trouble = asyncio.create_task(make_trouble(rig, chance, [receipt.key for receipt in receipts]))
    found = await asyncio.wait_for(asyncio.gather(*callers), 40)
    trouble.cancel()
    await asyncio.gather(trouble, return_exceptions=True)
    await rig.regain()
    for receipt, state, again in zip(receipts, found[::2], found[1::2], strict=True):
        assert state == again
        assert rig.count("start", receipt.key) == 1
        assert rig.count("end", receipt.key) == (0 if state == "interrupted" else 1)
    last = await rig.deployer.apply(rig.receipt("last-1", "last-9"), Log())
    assert (last.state, rig.current()) == ("succeeded", "last-9")


async def settled(rig: SshRig, receipt: Receipt) -> str:
    """What a worker does: apply; when it lost sight, apply again, which follows."""
    while True:
        try:
            return (await rig.deployer.apply(receipt, Log())).state
        except Transient as error:
            await asyncio.sleep(min(error.retry_after, 0.05))


async def make_trouble(rig: SshRig, chance: random.Random, keys: list[str]) -> None:
    for _ in range(3):
        await asyncio.sleep(chance.uniform(0.05, 0.5))
        if chance.random() < 0.6:
            await rig.lose()
            await asyncio.sleep(chance.uniform(0, 0.1))
            await rig.regain()
        else:
            pid = rig.pid(chance.choice(keys))
            if pid:
                kill_script(pid)


def kill_script(pid: int) -> None:
    """The script alone, or with all its children; it may be over already."""
    try:
        if b"/run." in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.killpg(pid, signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        return

"""The deployer in memory keeps the contract, and does what a test tells it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.deployers.memory import MemoryDeployer
from application.ports.executor import Transient
from tests.deployers.contract import DeployerContract
from tests.deployers.rig import Log, Rig


class MemoryRig(Rig):
    environment_type = "memory"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.memory = self.deployer = MemoryDeployer()
        self.config, self.secrets = {}, {}

    def current(self) -> str:
        return self.memory.places["env_1"].current

    def receipts(self) -> list[str]:
        return self.memory.receipts

    def hold(self) -> None:
        self.memory.hold()

    def release(self) -> None:
        self.memory.release()

    def fail_next(self) -> None:
        self.memory.fail_next("deploy", "the restart ended with 3")

    async def lose(self) -> None:
        self.memory.lose_sight()

    async def regain(self) -> None:
        self.memory.regain_sight()

    async def kill(self, key: str) -> None:
        self.memory.kill(key)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[MemoryRig]:
    made = MemoryRig(tmp_path)
    yield made
    await made.memory.close()


class TestMemoryDeployer(DeployerContract):
    pass


async def test_the_next_health_check_fails_when_it_is_told_to(rig: MemoryRig):
    deployer = MemoryDeployer({"health_check": ["it answered 503"]})
    first = await deployer.apply(rig.receipt("task_1-1", type="health_check"), Log())
    second = await deployer.apply(rig.receipt("task_1-2", type="health_check"), Log())
    assert (first.state, first.error, second.state) == ("failed", "it answered 503", "succeeded")


async def test_what_does_not_end_in_time_is_transient_and_goes_on(rig: MemoryRig):
    rig.hold()
    with pytest.raises(Transient, match=r"no end within 0\.01 s"):
        await rig.deployer.apply(rig.receipt("task_1-1", timeout=0.01), Log())
    assert (await rig.deployer.observe(rig.receipt("task_1-1"), Log())).state == "running"

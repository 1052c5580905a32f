"""Two workers whose connections are cut again and again: what the target did shows that every task ran once."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import psycopg
import pytest

from adapters.deployers.memory import MemoryDeployer
from tests.runtime.party import ended, party
from tests.runtime.test_two_workers import assert_one_master_each
from tests.soak.proxy import MOMENTS, Proxy

NAMES = ("tiangong queue", "tiangong turn", "tiangong log follower", "tiangong log writer", "tiangong test")
"""The last one is the pool's."""


async def test_two_workers_whose_connections_are_cut_run_every_task_once(database, seed, capsys):
    await cut_while_they_work(database, 60, seed, capsys)


@pytest.mark.soak
async def test_two_workers_whose_connections_are_cut_for_long_run_every_task_once(database, seed, capsys):
    await cut_while_they_work(database, 300, seed, capsys)


async def cut_while_they_work(database: str, deployments: int, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    chance, target, cuts = random.Random(seed), MemoryDeployer(), 0
    began = time.monotonic()
    async with Proxy(database) as proxy, party(proxy.conninfo, target, "w1") as one, party(proxy.conninfo, target, "w2") as two:
        one.work()
        two.work()
        made = asyncio.create_task(some(one.deploy, deployments))
        while not made.done():
            if links := proxy.named(chance.choice(NAMES)):
                cuts += await proxy.cut([chance.choice(links)], chance.choice(MOMENTS), patience=0.1)
            await asyncio.sleep(chance.uniform(0, 0.1))
        ids, seconds = await made, time.monotonic() - began
        assert await ended(one, *ids, seconds=60) == ["success"] * deployments
        late = time.monotonic() - began - seconds
    with psycopg.connect(database, autocommit=True) as admin:
        assert_one_master_each(admin, target.receipts)
    await target.close()
    begun = [line for line in target.receipts if line.startswith("start ")]  # a health check only looks, and leaves no receipt
    assert len(begun) == len(set(begun)) == deployments
    with capsys.disabled():
        print(f"\n{cuts} cuts, seed {seed}: {deployments} deployments of two workers in {seconds:.1f} s, over {late:.1f} s after the last cut; "
              f"{len(begun)} deploys begun at the target, each once", flush=True)


async def some(deploy: Callable[[], Awaitable[str]], number: int) -> list[str]:
    return [await deploy() for _ in range(number)]

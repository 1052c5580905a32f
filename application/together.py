"""Reads that go together: who asks while others are under way shares the next one, as appends share a commit.

A read begins after everybody who shares it has asked, so each sees what was stored before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key")
Found = TypeVar("Found")
LANES, MOST = 2, 200
"""How many reads may be under way, and for how many keys one asks."""


class Together(Generic[Key, Found]):
    """`read`: from keys to what was found for each of them. Its errors go to all who shared it. Of one event loop."""

    def __init__(self, read: Callable[[list[Key]], Awaitable[Mapping[Key, Found]]]) -> None:
        self._read = read
        self._next: dict[Key, asyncio.Future[Found]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._free = LANES

    async def get(self, key: Key) -> Found:
        answer = self._next.get(key)
        if answer is None:
            answer = self._next[key] = asyncio.get_running_loop().create_future()
            if self._free:
                self._free -= 1
                task = asyncio.create_task(self._run())
                self._running.add(task)
                task.add_done_callback(self._running.discard)
        return await asyncio.shield(answer)

    async def _run(self) -> None:
        """Until nobody asks. Its lane is free in the same moment: whoever comes after that begins another."""
        while self._next:
            asked = {key: self._next.pop(key) for key in list(self._next)[:MOST]}
            try:
                found = await self._read(list(asked))
            except Exception as error:  # noqa: BLE001  # whatever it is, it is raised where it was asked for
                for answer in asked.values():
                    answer.set_exception(error)
            else:
                for key, answer in asked.items():
                    answer.set_result(found[key])
        self._free += 1

"""Reads that go together: who asks while others are under way shares the next one, as appends share a commit.

A read begins after everybody who shares it has asked, so each sees what was stored before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Generic, TypeVar

Key = TypeVar("Key")
Found = TypeVar("Found")
LANES, MOST = 2, 200
"""How many reads may be under way, and for how many keys one asks."""


class Together(Generic[Key, Found]):
    """`read`: from keys to what was found for each of them. Its errors go to all who shared it. Of one event loop."""

    def __init__(self, read: Callable[[list[Key]], Awaitable[Mapping[Key, Found]]]) -> None:
        self._read = read
        self._next: dict[Key, list[asyncio.Future[Found]]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._free = LANES

    async def get(self, key: Key) -> Found:
        return await self.ask(key)

    def ask(self, key: Key) -> "asyncio.Future[Found]":
        """What `get` waits for."""
        answer: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        asked = self._next.get(key)
        if asked is not None:
            asked.append(answer)
            return answer
        self._next[key] = [answer]
        if self._free:
            self._free -= 1
            task = asyncio.create_task(self._run())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return answer

    async def _run(self) -> None:
        """Until nobody asks. Its lane is free in the same moment: whoever comes after that begins another."""
        while self._next:
            asked = {key: self._next.pop(key) for key in list(self._next)[:MOST]}
            try:
                found = await self._read(list(asked))
            except Exception as error:  # noqa: BLE001  # whatever it is, it is raised where it was asked for
                for answer in waiting(chain.from_iterable(asked.values())):
                    answer.set_exception(error)
            else:
                for key, answers in asked.items():
                    for answer in waiting(answers):
                        answer.set_result(found[key])
        self._free += 1


def waiting(answers: "Iterable[asyncio.Future[Found]]") -> "Iterator[asyncio.Future[Found]]":
    """Without those of whom gave up."""
    return (answer for answer in answers if not answer.done())

"""The application's town in motion: facts through the processes, wishes to the dispatcher, claims to the execution.

Nothing happens behind a test's back: `run` goes on until all is quiet (or until a condition holds), and looks after every step whether
something unfinished was left without a live timer.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from application.caller import Caller, process
from application.ports.timers import Timer
from application.processes.catalogue import PROCESSES
from application.processes.deadlines import DELIVERY
from domain.errors import DomainError
from tests.application.town import TIMES, Town
from tests.support.memory_log import MemoryLog


class World(Town):
    def __init__(self, log: MemoryLog | None = None, *, fulfilled: int = 1) -> None:
        """`fulfilled`: how often each wish is fulfilled; a process may repeat itself after a crash."""
        super().__init__(log)
        self.failures: list[str] = []
        self._seen, self._fulfilled = 0, fulfilled
        self._running: set[asyncio.Task[None]] = set()
        self._rung: set[Timer] = set()

    async def run(self, until: Callable[[], Any] | None = None, seconds: float = 10.0) -> None:
        """Until the condition (a coroutine or plain) holds; without one, until all is quiet."""
        async with asyncio.timeout(seconds):
            while True:
                await self.step()
                if until is not None and await holds(until):
                    return
                if self._seen < self.log.position or self.queue.free:
                    continue
                if not self._running and until is None:
                    return
                self.log.grown.clear()
                await self._something()

    async def step(self) -> None:
        """Everything that can be done at once: facts, timers, claims."""
        await self.react()
        while await self._ring():
            await self.react()
        while claim := await self.queue.claim("worker", TIMES.lease, 0):
            self._running.add(asyncio.create_task(self.execution().run(claim)))
        for task in [task for task in self._running if task.done()]:
            self._running.discard(task)
            task.result()

    async def _something(self) -> None:
        """Wait until the log grows or an execution ends; not for long, the condition may hold for other reasons."""
        grown = asyncio.create_task(self.log.grown.wait())
        await asyncio.wait({grown, *self._running}, timeout=0.01, return_when=asyncio.FIRST_COMPLETED)
        grown.cancel()

    async def react(self, most: int | None = None) -> None:
        """The processes deal with all new facts, or with some."""
        upto = None if most is None else self._seen + most
        while new := self.log.recorded(self._seen)[:None if upto is None else upto - self._seen]:
            for recorded in new:
                for name, react in PROCESSES.items():
                    for number, wish in enumerate(react(recorded.event)):
                        caller = process(name, f"{recorded.position}/{number}", correlation=recorded.origin.correlation, causation=recorded.command)
                        for _ in range(self._fulfilled):
                            await self._fulfil(wish, caller, recorded.position)
                self._seen = recorded.position
        if most is None:
            await self.must_be_watched()

    async def _fulfil(self, wish: Any, caller: Caller, position: int) -> None:
        try:
            await self.dispatcher.fulfil(wish, caller, position)
        except DomainError as error:
            self.failures.append(f"{position}: {wish}: {error}")

    def replay(self) -> None:
        """The processes have forgotten where they were."""
        self._seen = 0

    async def _ring(self) -> bool:
        """Ring what is due and has not rung; whether there was any."""
        due = [timer for timer in await self.timers.due(self.now) if timer not in self._rung]
        for timer in due:
            self._rung.add(timer)
            for _ in range(self._fulfilled if timer.kind != DELIVERY else 1):  # one process sends; a deadline may ring in several
                await self.ringing.ring(timer, self.now)
        return bool(due)

    async def later(self, **time: float) -> None:
        """Time passes."""
        self.now += timedelta(**time)
        await self.run(until=lambda: True)

    async def must_be_watched(self) -> None:
        """Nothing unfinished without a live timer."""
        for stream in self.log.streams:
            if stream.startswith(("dep_", "task_", "ntf_")) and is_open(await self.state(stream)):
                assert self.timers.of(stream), f"{stream} is unfinished, and nothing will remind of it"

    async def must_be_tidy(self) -> None:
        """When all is quiet: nobody waits who could come in, no timer for what is over, no process was refused anything."""
        for stream in self.log.streams:
            if stream.startswith("lane_"):
                lane = await self.state(stream)
                assert lane.admissible() == ()
                for place in lane.inside:
                    assert not (await self.deployment(place.deployment_id)).is_quiet, f"{place} has ended and stays in the lane"
        for timer in self.timers.live.values():
            assert is_open(await self.state(timer.stream)), f"{timer} rings for what is over"
        assert self.failures == []

    async def crash(self) -> None:
        """All workers die where they stand; their leases run out."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._running.clear()
        for task_id, _ in self.queue.entries:
            self.queue.expire(task_id)

    async def close(self) -> None:
        await self.crash()
        await self.target.close()


def is_open(state: Any) -> bool:
    return not state.ended if hasattr(state, "ended") else bool(state.is_open)


async def holds(condition: Callable[[], Any]) -> bool:
    found = condition()
    return bool(await found if asyncio.iscoroutine(found) else found)

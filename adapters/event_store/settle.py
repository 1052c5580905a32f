"""Outcomes to those who wait for them: in threads, and on event loops with one wake-up for each batch and loop.

On a loop the second half of many is told after the first half has run. What these store next can then be on its way while the others still
run: database and Python work at the same time, and not in turns.
"""

import asyncio
import concurrent.futures
import contextlib
from collections.abc import Iterable

from adapters.event_store.command import Answer, Command, Outcome

Pairs = list[tuple[Answer, Outcome]]
MANY = 24


def deliver(commands: Iterable[Command], outcomes: Iterable[Outcome], here: asyncio.AbstractEventLoop | None = None) -> None:
    """`here`: the loop that runs in this thread."""
    loops: dict[asyncio.AbstractEventLoop, Pairs] = {}
    for command, outcome in zip(commands, outcomes, strict=True):
        answer, loop = command.answer, command.loop
        if loop is None:
            assert isinstance(answer, concurrent.futures.Future)
            if not answer.done() and answer.set_running_or_notify_cancel():
                _set(answer, outcome)
        elif (pairs := loops.get(loop)) is not None:
            pairs.append((answer, outcome))
        else:
            loops[loop] = [(answer, outcome)]
    for loop, pairs in loops.items():
        if loop is here:
            _halves(loop, pairs)
        else:
            with contextlib.suppress(RuntimeError):  # that loop is closed: nobody waits there any more
                loop.call_soon_threadsafe(_halves, loop, pairs)


def _halves(loop: asyncio.AbstractEventLoop, pairs: Pairs) -> None:
    if len(pairs) < MANY:
        _settle(pairs)
    else:
        half = len(pairs) // 2
        _settle(pairs[:half])
        loop.call_soon(_settle, pairs[half:])


def _settle(pairs: Pairs) -> None:
    for answer, outcome in pairs:
        if not answer.done():
            _set(answer, outcome)


def _set(answer: Answer, outcome: Outcome) -> None:
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)

"""Outcomes to those who wait for them: in threads, and on event loops with one wake-up for each batch and loop."""

import asyncio
import concurrent.futures
import contextlib
from collections.abc import Iterable

from adapters.event_store.command import Answer, Command, Outcome

Pairs = list[tuple[Answer, Outcome]]


def deliver(commands: Iterable[Command], outcomes: Iterable[Outcome]) -> None:
    loops: dict[asyncio.AbstractEventLoop, Pairs] = {}
    for command, outcome in zip(commands, outcomes, strict=True):
        answer = command.answer
        if isinstance(answer, concurrent.futures.Future):
            if not answer.done() and answer.set_running_or_notify_cancel():
                _set(answer, outcome)
        else:
            loops.setdefault(answer.get_loop(), []).append((answer, outcome))
    for loop, pairs in loops.items():
        with contextlib.suppress(RuntimeError):  # that loop is closed: nobody waits there any more
            loop.call_soon_threadsafe(_settle, pairs)


def _settle(pairs: Pairs) -> None:
    for answer, outcome in pairs:
        if not answer.done():
            _set(answer, outcome)


def _set(answer: Answer, outcome: Outcome) -> None:
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)

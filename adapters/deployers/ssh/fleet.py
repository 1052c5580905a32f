"""All hosts of an environment at once: connections to each, and one thing done on each of them in parallel."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from adapters.deployers.ssh.connection import Link, Patience, Refused, connect
from adapters.deployers.ssh.settings import Host, Settings
from application.ports.executor import Terminal, Transient

A = TypeVar("A")
B = TypeVar("B")
AT_ONCE = 50


async def each(items: Sequence[A], do: Callable[[A], Awaitable[B]], at_once: int = AT_ONCE) -> list[B | BaseException]:
    """Do it for each, at most `at_once` at a time; an error of one stops no other. If we are cancelled, all are."""
    free = asyncio.Semaphore(at_once)

    async def one(item: A) -> B:
        async with free:
            return await do(item)

    return await asyncio.gather(*map(one, items), return_exceptions=True)


async def all_of(items: Sequence[A], do: Callable[[A], Awaitable[B]]) -> list[B]:
    """Do it for each; if any failed, raise the worst: what is final before what may pass, each with the messages of its kind."""
    found = await each(items, do)
    errors = [item for item in found if isinstance(item, BaseException)]
    for error in errors:
        if not isinstance(error, Terminal | Transient | Refused):
            raise error
    if final := [error for error in errors if not isinstance(error, Transient)]:
        raise Terminal("; ".join(map(str, final)))
    if passing := [error for error in errors if isinstance(error, Transient)]:
        raise Transient("; ".join(map(str, passing)), retry_after=max(error.retry_after for error in passing))
    return [item for item in found if not isinstance(item, BaseException)]


@asynccontextmanager
async def fleet(settings: Settings, patience: Patience) -> AsyncIterator[list[Link]]:
    """A connection to every host, or an error before any command was sent to one of them."""
    async with AsyncExitStack() as stack:

        async def open_one(host: Host) -> Link:
            return await stack.enter_async_context(connect(settings, host, patience))

        yield await all_of(settings.hosts, open_one)

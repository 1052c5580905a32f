"""The application behind a real HTTP server on a port that the system chose."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.serving import address, bind, serve
from tests.api.house import Rig


@asynccontextmanager
async def served(rig: Rig) -> AsyncIterator[str]:
    """Its address."""
    sock, started = bind("127.0.0.1", 0), asyncio.Event()
    serving = asyncio.create_task(serve(rig.app, sock, started, rig.services.stopping))
    await asyncio.wait_for(started.wait(), 10)
    try:
        yield address(sock)
    finally:
        rig.services.stopping.set()
        await asyncio.wait_for(serving, 15)

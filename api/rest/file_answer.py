"""A long file as an answer: made piece by piece in a thread of its own, as fast as its receiver takes it.

The first piece is made before the answer begins, so that what is wrong is told as an error. Whatever goes wrong later cuts the answer
off, which HTTP lets the receiver see. When the receiver goes away, the piece at hand is the last.
"""

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Self, cast

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.errors import unavailable

MEDIA = {"jsonl": "application/jsonl", "csv": "text/csv; charset=utf-8"}
CONTENT: dict[str, dict[str, object]] = {media.partition(";")[0]: {} for media in MEDIA.values()}
"""For the description of a route."""
MOST = 4
"""Files that are made at once: each holds a connection of the database."""


class CutOff(Exception):
    """The server is about to end: the receiver must see that the file is not whole."""


class FileAnswer(StreamingResponse):
    def __init__(self, making: "Making", first: bytes | None, name: str, media: str, stopping: asyncio.Event) -> None:
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(making.rest(first, stopping), headers=headers, media_type=media)
        self._making = making

    @classmethod
    async def of(cls, pieces: Iterator[bytes], name: str, media: str, stopping: asyncio.Event) -> Self:
        """Raises what the first piece raises, and 503 where too many files are under way. `pieces` is a generator: it is closed at the end."""
        if Making.under_way >= MOST:
            raise unavailable(f"{MOST} files are being sent already: try again later")
        making = Making(cast(Generator[bytes], pieces))
        try:
            return cls(making, await making.next(), name, media, stopping)
        except BaseException:
            making.close()
            raise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._making.close()


class Making:
    """Its one thread makes the pieces and closes the generator: in this order, without anybody having to wait."""

    under_way = 0

    def __init__(self, pieces: Generator[bytes]) -> None:
        self._pieces, self._thread, self._closed = pieces, ThreadPoolExecutor(1, "file"), False
        Making.under_way += 1

    async def next(self) -> bytes | None:
        return await asyncio.get_running_loop().run_in_executor(self._thread, next, self._pieces, None)

    async def rest(self, piece: bytes | None, stopping: asyncio.Event) -> AsyncIterator[bytes]:
        while piece is not None:
            yield piece
            if stopping.is_set():
                raise CutOff("the server is stopping")
            piece = await self.next()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            Making.under_way -= 1
            self._thread.submit(self._pieces.close)
            self._thread.shutdown(wait=False)

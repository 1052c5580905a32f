"""Between clients and PostgreSQL, on a Unix socket: it knows each connection by its application name and cuts it at a chosen moment."""

import asyncio
import contextlib
import shutil
import struct
import tempfile
from pathlib import Path
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.support.waiting import until

MOMENTS = ("unsent", "half sent", "sent", "answered", "half answered", "now")
"""Cut before a request is passed on, after half of it, after the whole (nobody hears what came of it), when the answer comes (it was carried
out, and nobody hears of it), after half of the answer; or at once, whatever happens on the connection."""
PROTOCOL = 3  # of a connection's first message; another number asks for encryption or for a cancel
SOCKET = ".s.PGSQL.5432"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Link:
    """One connection through the proxy, and the moment at which it is to be cut."""

    def __init__(self, name: str, client: Streams, server: Streams) -> None:
        self.name, self.client, self.server = name, client, server
        self.moment = ""
        self.cut = asyncio.Event()

    def end(self) -> None:
        """Both sides at once, without a farewell: what was on its way to the client is gone, what the server has received it carries out."""
        for _, writer in (self.client, self.server):
            writer.transport.abort()
        self.cut.set()

    async def run(self) -> None:
        up = asyncio.create_task(self._pass_on(self.client[0], self.server[1], "unsent", "half sent", "sent"))
        down = asyncio.create_task(self._pass_on(self.server[0], self.client[1], "answered", "half answered", ""))
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await farewell(self.client[1], self.server[1])
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
            self.cut.set()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, before: str, half: str, after: str) -> None:
        while data := await reader.read(1 << 18):
            moment = self.moment
            if moment and moment in (before, half):
                if moment == half:
                    writer.write(data[:len(data) // 2])
                    await writer.drain()
                self.end()
                return
            writer.write(data)
            await writer.drain()
            if moment and moment == after:
                self.end()
                return


async def farewell(*writers: asyncio.StreamWriter) -> None:
    """Close them, with what they still have to send."""
    for writer in writers:
        writer.close()
    for writer in writers:
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), 5)


class Proxy:
    """`conninfo` leads through it. Use it as `async with Proxy(server's conninfo) as proxy`."""

    def __init__(self, server: str) -> None:
        self._server = f"{conninfo_to_dict(server)['host']}/{SOCKET}"
        self._folder = Path(tempfile.mkdtemp(prefix="tgp-"))  # short: a socket's path has 107 bytes
        self.conninfo = make_conninfo(server, host=str(self._folder), sslmode="disable", gssencmode="disable")
        self.links: list[Link] = []

    async def __aenter__(self) -> Self:
        self._listening = await asyncio.start_unix_server(self._serve, self._folder / SOCKET, limit=1 << 20)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.close()
        for link in self.links:
            link.end()
        await until(lambda: not self.links)
        await asyncio.to_thread(shutil.rmtree, self._folder)

    def named(self, *names: str) -> list[Link]:
        """The living connections of these application names."""
        return [link for link in self.links if link.name in names]

    async def cut(self, links: list[Link], moment: str, patience: float = 0.5) -> int:
        """Cut them at that moment; where it does not come in `patience` seconds, at once. How many there were."""
        for link in links:
            link.moment = moment
            if moment == "now":
                link.end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                for link in links:
                    await link.cut.wait()
        for link in links:
            link.end()
        return len(links)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, to its end. What its connection breaks with is what this is for."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._connect(reader, writer)
        writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await message(reader)
        server = await asyncio.open_unix_connection(self._server, limit=1 << 20)
        server[1].write(first)
        link = Link(application(first), (reader, writer), server)
        self.links.append(link)
        try:
            await link.run()
        finally:
            self.links.remove(link)


async def message(reader: asyncio.StreamReader) -> bytes:
    """A connection's first message, with its length."""
    size = await reader.readexactly(4)
    return size + await reader.readexactly(struct.unpack(">I", size)[0] - 4)


def application(first: bytes) -> str:
    """The application name that it gives; '' where it asks for something else than a session."""
    if struct.unpack(">H", first[4:6])[0] != PROTOCOL:
        return ""
    words = first[8:].split(b"\0")
    given = dict(zip(words[::2], words[1::2], strict=False))
    return given.get(b"application_name", b"").decode()



"""HTTP/1.1 as uvicorn speaks it, with an answer's head and body in one write, and word of a body that is there.

uvicorn writes the head by itself, and then the body: two calls of the system for each answer, and often two packets. Here a head that announces
how long its body is waits for that body, which is on its way then. A head of a stream, whose first words may take long, is written at once.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.door import BODY_IS_HERE

HEAD, LENGTH = b"HTTP/1.1 ", b"\r\ncontent-length: "


class OneWrite(asyncio.Transport):
    """A transport on which a head waits for what is written next, until `flush` or `close`. It knows what uvicorn asks of one."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self.inner = transport
        self._head = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._head:
            self.inner.write(self._head + data)
            self._head = b""
        elif isinstance(data, bytes) and data.startswith(HEAD) and LENGTH in data:  # a body like this waits for `flush`, and no longer
            self._head = data
        else:
            self.inner.write(data)

    def flush(self) -> None:
        if self._head:
            self.inner.write(self._head)
            self._head = b""

    def close(self) -> None:
        self.flush()
        self.inner.close()

    def is_closing(self) -> bool:
        return self.inner.is_closing()


class Protocol(HttpToolsProtocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._writing = self.transport = OneWrite(transport)

    def on_message_complete(self) -> None:
        self.scope.setdefault("extensions", {})[BODY_IS_HERE] = {}
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self._writing.flush()  # the answer had no body: to HEAD, for example
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        self.transport = self._writing.inner
        super().handle_websocket_upgrade()

"""A way to the database that breaks off after so many bytes."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

MUCH = 1 << 16


class Cutting:
    """A relay on loopback, that can be told from any thread."""

    def __init__(self, conninfo: str) -> None:
        self._left: int | None = None
        self._telling = threading.Lock()
        self.cuts = 0
        self._to = conninfo_to_dict(conninfo)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(0.05)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self.conninfo = make_conninfo(
            conninfo, host="127.0.0.1", port=self._listening.getsockname()[1], sslmode="disable", gssencmode="disable")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(10)
        self._listening.close()

    def let_through(self, left: int | None) -> None:
        """So many bytes more, in either direction; None: all."""
        with self._telling:
            self._left = left

    def _serve(self) -> None:
        """One connection at a time."""
        while not self._over.is_set():
            try:
                near, _ = self._listening.accept()
            except TimeoutError:
                continue
            with near, self._far() as far:
                self._relay(near, far)

    @contextmanager
    def _far(self) -> Iterator[socket.socket]:
        host, port = str(self._to["host"]), self._to.get("port", 5432)
        with socket.socket(socket.AF_UNIX if host.startswith("/") else socket.AF_INET) as far:
            far.connect(f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, int(str(port))))
            yield far

    def _relay(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        while not self._over.is_set():
            for source in select.select([near, far], [], [], 0.05)[0]:
                try:
                    if not self._pass_on(source.recv(MUCH), other[source]):
                        return
                except ConnectionError:
                    return

    def _pass_on(self, data: bytes, to: socket.socket) -> bool:
        """Whether the connection goes on. Under the lock: who gets the bytes and then tells how many more must not be counted against them."""
        with self._telling:
            through = data if self._left is None else data[:self._left]
            to.sendall(through)
            if self._left is None:
                return bool(data)
            self._left -= len(through)
            if self._left == 0:
                self._left, self.cuts = None, self.cuts + 1
                return False
            return bool(data)

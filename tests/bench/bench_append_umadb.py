"""The log against UmaDB, an event store in Rust whose wheel brings server and client: 64 callers each. Ours: one event loop. UmaDB: 64 threads
with a client each, as its README shows; every append is one durable event of a new tag, with an append condition. Alternating, three rounds."""

import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.appends import appends, compared
from tests.bench.measure import ROUNDS, databases, show

SECONDS, CALLERS, PATIENCE = 4.0, 64, 20.0
DATA = b'{"schema":1,"at":"2026-01-01T12:00:00.000000Z","by":"system:bench","git_tag":"v1.0.0","git_commit":"abc123def456",' \
       b'"repository":"https://git.example/org/repo","description":"","version":1}'


@contextmanager
def server() -> Iterator[str]:
    """UmaDB's server as it is installed; its address."""
    program = shutil.which("umadb", path=str(Path(sys.executable).parent)) or "umadb"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(
            (program, "--listen", f"127.0.0.1:{port}", "--db-path", f"{folder}/uma.db"), stdout=subprocess.DEVNULL) as running:
        try:
            wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            running.kill()


def wait_for(port: int) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            threading.Event().wait(0.05)
        else:
            return


def umadb_appends(url: str, threads: int, seconds: float) -> list[float]:
    from umadb import AppendCondition, Client, Event, Query, QueryItem

    took: list[list[float]] = [[] for _ in range(threads)]
    clients = [Client(url) for _ in range(threads)]
    until = time.perf_counter() + seconds

    def caller(client: Client, mine: list[float]) -> None:
        while (began := time.perf_counter()) < until:
            tag = f"ver_{uuid.uuid4()}"
            metadata = {"actor": "system:bench", "correlation_id": str(uuid.uuid4())}
            event = Event(event_type="version.created", tags=[tag], data=DATA, uuid=uuid.uuid4(), metadata=metadata)
            client.append([event], condition=AppendCondition(fail_if_events_match=Query(items=[QueryItem(tags=[tag])]), after=None))
            mine.append(time.perf_counter() - began)

    running = [threading.Thread(target=caller, args=each) for each in zip(clients, took, strict=True)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return [each for mine in took for each in mine]


def main() -> None:
    what = f"log.append against UmaDB, {CALLERS} callers, commands/s"
    try:
        import umadb  # noqa: F401
    except ImportError:
        show(what, skipped="umadb is not installed: pip install -r requirements-bench.lock")
        return
    with databases("ours", migrated=["ours"]) as at, server() as url:
        appends(at["ours"], CALLERS, 1.0)
        umadb_appends(url, CALLERS, 1.0)
        rounds = [(appends(at["ours"], CALLERS, SECONDS), umadb_appends(url, CALLERS, SECONDS)) for _ in range(ROUNDS)]
    ours, peer = zip(*rounds, strict=True)
    show(what, peer="UmaDB, 64 threads, sync clients", goal=1.5, goal_latency="ours_p99_ms <= peer_p99_ms", **compared(ours, peer, SECONDS))


if __name__ == "__main__":
    main()

"""How long does an export of 1,000,000 events take, beside psql's `\\copy` of the same rows (stored events and what is known of their commands,
in order) to a file? By the command line and over HTTP, jsonl and csv; alternating, three rounds, medians; the memory that a process takes
over what it had before; and how long others wait for their answers meanwhile. At the end the file is verified."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from adapters.embedded_postgres.binaries import find_binaries
from tests.bench.export_server import Server, memory, signed_up
from tests.bench.measure import ROUNDS, databases, median, percentile, show
from tests.bench.seeding import seed

EVENTS = int(os.environ.get("BENCH_EXPORT_EVENTS", "1000000"))
GOAL, FLAT = 3.0, 64.0
"""Times psql's; MiB over idle."""
ROWS = """select e.*, c.* from log.stored_events_commands c
  cross join lateral (select * from log.stored_events e
                       where e.notification_id between c.first_position and c.first_position + c.events - 1 order by e.notification_id) e
 where c.events > 0 order by c.first_position"""
FORMS = ("jsonl", "csv")
ROOT = Path(__file__).parent.parent.parent
EXPORT = "/api/v1/audit-logs/export"


def took(work: Callable[[], object]) -> float:
    """Seconds."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def copied(conninfo: str, to: Path) -> None:
    psql = find_binaries().postgres.with_name("psql")
    subprocess.run([psql, "-X", "-q", "-d", conninfo, "-c", f"\\copy ({' '.join(ROWS.split())}) to '{to}'"], check=True, timeout=170)


def by_command(conninfo: str, home: Path, form: str, to: Path, *more: str) -> float:
    """The most memory that the process had, in MiB."""
    command = [sys.executable, "-m", "api.cli", "audit", "export", "--format", form, "--out", str(to), "--home", str(home),
               "--database-url", conninfo, *more]
    process, most, until = subprocess.Popen(command, cwd=ROOT), 0.0, time.monotonic() + 170
    while process.poll() is None and time.monotonic() < until:
        most = max(most, memory(process.pid, "VmHWM"))
        time.sleep(0.02)
    if process.wait(1):
        raise RuntimeError(f"tiangong audit export ended with {process.returncode}")
    return most


def by_http(server: Server, form: str, file_name: Path, **limits: int) -> None:
    with server.client() as client, client.stream("GET", EXPORT, params={"format": form, **limits}) as answer, file_name.open("wb") as file:
        answer.raise_for_status()
        for piece in answer.iter_raw():
            file.write(piece)


def answered(server: Server, seconds: float) -> list[float]:
    """Milliseconds until each of many requests was answered, one after the other."""
    times: list[float] = []
    until = time.monotonic() + seconds
    with server.client() as client:
        while time.monotonic() < until:
            times.append(1000 * took(lambda: client.get("/api/v1/me").raise_for_status()))
    return times


def beside(server: Server) -> tuple[list[float], list[float]]:
    """The same while nobody else asks, and while somebody takes an export away as fast as it comes."""
    alone = answered(server, 3)
    with ThreadPoolExecutor(1) as other:
        file = other.submit(by_http, server, "jsonl", Path(os.devnull), to=EVENTS // 4)
        busy = answered(server, 3)
        file.result(170)
    return alone, busy


def slowly(server: Server) -> float:
    """MiB that the server takes more while a receiver takes next to nothing."""
    before = server.memory()
    with server.client() as client, client.stream("GET", EXPORT) as answer:
        pieces, most = answer.iter_raw(4096), before
        until = time.monotonic() + 3
        while time.monotonic() < until:
            next(pieces)
            most = max(most, server.memory())
            time.sleep(0.01)
    return most - before


def compared(conninfo: str, home: Path, server: Server, folder: Path) -> None:
    times: dict[str, list[float]] = {"psql": []}
    idle, http_idle, most = by_command(conninfo, home, "jsonl", folder / "one", "--from", "1", "--to", "1"), server.memory(), 0.0
    for _ in range(ROUNDS):
        times["psql"].append(took(lambda: copied(conninfo, folder / "copy")))
        for form in FORMS:
            begin = time.perf_counter()
            most = max(most, by_command(conninfo, home, form, folder / form))
            times.setdefault(f"command line, {form}", []).append(time.perf_counter() - begin)
    for form in FORMS:
        begin = time.perf_counter()
        by_http(server, form, folder / f"http.{form}")
        times.setdefault(f"HTTP, {form}", []).append(time.perf_counter() - begin)
    peer = median(times.pop("psql"))
    for name, found in times.items():
        show(f"export of {EVENTS:,} events, {name}, s", ours=round(median(found), 2), peer="psql \\copy", peer_value=round(peer, 2),
             ratio=round(peer / median(found), 2), goal=round(1 / GOAL, 2), times=round(median(found) / peer, 2))
    show("export, memory over idle, command line, MiB", ours=round(most - idle, 1), goal=FLAT)
    show("export, memory over idle, HTTP, MiB", ours=round(server.memory("VmHWM") - http_idle, 1), goal=FLAT)


def spread(times: list[float]) -> dict[str, float]:
    return {"p50": round(median(times), 2), "p99": round(percentile(times, 0.99), 2)}


def verified(file: Path) -> float:
    """Seconds. By another process, without the database."""
    return took(lambda: subprocess.run([sys.executable, "-m", "api.cli", "audit", "verify", str(file)], check=True, timeout=170, cwd=ROOT,
                                       stdout=subprocess.DEVNULL))


def main() -> None:
    with tempfile.TemporaryDirectory() as name, databases("log", migrated=["log"]) as found:
        folder, home, conninfo = Path(name), Path(name) / "home", found["log"]
        home.mkdir()
        token = asyncio.run(signed_up(conninfo, home))
        seed(conninfo, EVENTS)
        with Server(conninfo, home, token) as server:
            answered(server, 0.5)
            show("export, memory over idle while a receiver is slow, MiB", ours=round(slowly(server), 1), goal=FLAT)
            compared(conninfo, home, server, folder)
            alone, busy = beside(server)
            show("another request's answer while an export is sent, ms", ours=spread(busy), peer="alone", peer_value=spread(alone))
        show(f"audit verify of {EVENTS:,} events, s", ours=round(verified(folder / "jsonl"), 2), goal=20.0)


if __name__ == "__main__":
    main()

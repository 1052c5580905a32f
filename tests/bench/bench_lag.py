"""How long from a commit to the row that shows it, at 1,000 events a second? First by 500 POSTs a second of two events each, once with api, worker
and projector as processes of their own, once with `tiangong up`; then by some 90 POSTs a second that plan and start a deployment of eight
applications (without a worker, who would carry them out and take the machine for that). A lag ends when the projector's notice has reached us (it
is sent after its commit), and begins where the log's row says `recorded_at`, which is before the log's commit: it is rather too long than too
short. Everything has been done once before it is measured. Prints a JSON line for each."""

import json
import subprocess
import sys
import tempfile
import threading
import time
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.bench import posts
from tests.bench.lag_deployments import EVENTS, Plans
from tests.bench.measure import ROUNDS, databases, median, percentile, show
from tests.bench.roles import TOKEN, started

RATE, SECONDS, WARM = 1000, 8.0, 1.5


@dataclass(frozen=True)
class Mode:
    what: str
    roles: tuple[str, ...]
    goal: float
    events: int = 2
    """Of a POST."""


MODES = {
    "apart": Mode("500 POSTs/s of 2 events", ("api", "worker", "projector"), 5.0),
    "up": Mode("500 POSTs/s of 2 events", ("up",), 15.0),
    "deployments": Mode(f"{round(RATE / EVENTS)} POSTs/s that start a deployment, {EVENTS} events", ("api", "projector"), 5.0, EVENTS),
}


class Notices(threading.Thread):
    """When the read models had come how far."""

    def __init__(self, conninfo: str) -> None:
        super().__init__(daemon=True)
        self.seen: list[tuple[int, float]] = []
        self._conn = psycopg.connect(conninfo, autocommit=True)
        self._conn.execute("listen projected")
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.is_set():
            self.seen += ((int(notice.payload), time.time()) for notice in self._conn.notifies(timeout=0.2))

    def end_at(self, position: int) -> list[tuple[int, float]]:
        """When the notice of it was there."""
        deadline = time.monotonic() + 10
        while not self.seen or self.seen[-1][0] < position:
            if time.monotonic() > deadline:
                raise SystemExit("there is no notice of the last position")
            time.sleep(0.05)
        self._over.set()
        self.join(5)
        self._conn.close()
        return self.seen


@dataclass(frozen=True)
class Round:
    p50: float
    p99: float
    events_per_second: float
    posts: dict[str, float]


def measure(conninfo: str, port: int, mode: Mode, folder: Path) -> Round:
    """Lags in ms, and how the POSTs went."""
    plans = Plans(port, TOKEN) if mode.events == EVENTS else None
    warm, more = (plans.write(folder, round(RATE / mode.events * seconds)) if plans else () for seconds in (WARM, SECONDS))
    with psycopg.connect(conninfo, autocommit=True) as conn:
        load(port, mode, WARM, *warm)
        until_shown(conn)
        first, notices = position_of(conn), Notices(conninfo)
        notices.start()
        answered = load(port, mode, SECONDS, *more)
        last = until_shown(conn)
        seen = notices.end_at(last)
        rows = conn.execute("""select first_position + events - 1, extract(epoch from recorded_at)::float8 from log.stored_events_commands
                                where events > 0 and first_position > %s and first_position <= %s""", (first, last)).fetchall()
        shown = conn.execute("select count(*) from views.audit_logs where position > %s and position <= %s", (first, last)).fetchone()
        assert shown == (last - first,)
    positions = [position for position, _ in seen]
    lags = [1000 * (seen[bisect_left(positions, position)][1] - at) for position, at in rows]
    return Round(percentile(lags, 0.5), percentile(lags, 0.99), (last - first) / SECONDS, answered)


def load(port: int, mode: Mode, seconds: float, *more: str) -> dict[str, float]:
    done = subprocess.run([sys.executable, posts.__file__, str(port), TOKEN, str(RATE / mode.events), str(seconds), *more], check=True,
                          capture_output=True, text=True, timeout=60 + seconds)
    return dict(json.loads(done.stdout))


def until_shown(conn: psycopg.Connection) -> int:
    """Wait until the read models are at the log's end, and say where that is."""
    last, deadline = position_of(conn), time.monotonic() + 30
    while conn.execute("select position >= %s from views.positions where name = 'views'", (last,)).fetchone() != (True,):
        if time.monotonic() > deadline:
            raise SystemExit("the read models do not come")
        time.sleep(0.05)
    return last


def position_of(conn: psycopg.Connection) -> int:
    found = conn.execute("select position from log.stored_events_head").fetchone()
    assert found is not None
    return int(found[0])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, databases(*MODES, migrated=tuple(MODES)) as found:
        rounds: dict[str, list[Round]] = {name: [] for name in MODES}
        for _ in range(ROUNDS):
            for name, mode in MODES.items():
                home = Path(folder) / name
                with started(mode.roles, home, found[name]) as port:
                    rounds[name].append(measure(found[name], port, mode, home))
    for name, mode in MODES.items():
        p50, p99 = median([each.p50 for each in rounds[name]]), median([each.p99 for each in rounds[name]])
        show(f"lag from commit to visible row, ms, p99, {' + '.join(mode.roles)}, {mode.what}", ours=round(p99, 2), goal=mode.goal, p50=round(p50, 2),
             post_p99=round(median([each.posts["p99"] for each in rounds[name]]), 2),
             post_p50=round(median([each.posts["p50"] for each in rounds[name]]), 2),
             events_per_second=round(median([each.events_per_second for each in rounds[name]])), ratio=round(mode.goal / p99, 2))


if __name__ == "__main__":
    main()

"""How long from a commit to the row that shows it? 1,000 events a second by 500 POSTs, once with api, worker and projector as processes of their own,
once with `tiangong up`, which is all of them in one. A lag ends when the projector's notice has reached us (it is sent after its commit), and begins
where the log's row says `recorded_at`, which is before the log's commit: it is rather too long than too short. Prints a JSON line for each."""

import json
import subprocess
import sys
import tempfile
import threading
import time
from bisect import bisect_left
from pathlib import Path

import psycopg

from tests.bench import posts
from tests.bench.measure import ROUNDS, databases, median, percentile, show
from tests.bench.roles import TOKEN, started

POSTS, SECONDS = 500, 8.0
MODES = {"apart": (("api", "worker", "projector"), 5.0), "up": (("up",), 15.0)}


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

    def end(self) -> list[tuple[int, float]]:
        self._over.set()
        self.join(5)
        self._conn.close()
        return self.seen


def measure(conninfo: str, port: int) -> tuple[float, float, dict[str, float]]:
    """Lags in ms (p50, p99), and how the POSTs went."""
    with psycopg.connect(conninfo, autocommit=True) as conn:
        first = position_of(conn)
        notices = Notices(conninfo)
        notices.start()
        done = subprocess.run([sys.executable, posts.__file__, str(port), TOKEN, str(POSTS), str(SECONDS)], check=True, capture_output=True,
                              text=True, timeout=60 + SECONDS)
        last = position_of(conn)
        deadline = time.monotonic() + 30
        while not notices.seen or notices.seen[-1][0] < last:
            if time.monotonic() > deadline:
                raise SystemExit("the read models do not come")
            time.sleep(0.05)
        seen = notices.end()
        rows = conn.execute("""select first_position + events - 1, extract(epoch from recorded_at)::float8 from log.stored_events_commands
                                where events > 0 and first_position > %s and first_position < %s""", (first, last)).fetchall()
        shown = conn.execute("select count(*) from views.audit_logs where position > %s and position <= %s", (first, last)).fetchone()
        assert shown == (last - first,)
    positions = [position for position, _ in seen]
    lags = [1000 * (seen[bisect_left(positions, position)][1] - at) for position, at in rows]
    return percentile(lags, 0.5), percentile(lags, 0.99), json.loads(done.stdout)


def position_of(conn: psycopg.Connection) -> int:
    found = conn.execute("select position from log.stored_events_head").fetchone()
    assert found is not None
    return int(found[0])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, databases(*MODES, migrated=tuple(MODES)) as found:
        rounds: dict[str, list[tuple[float, float, dict[str, float]]]] = {mode: [] for mode in MODES}
        for _ in range(ROUNDS):
            for mode, (roles, _) in MODES.items():
                with started(roles, Path(folder) / mode, found[mode]) as port:
                    rounds[mode].append(measure(found[mode], port))
    for mode, (roles, goal) in MODES.items():
        p50, p99, answered = zip(*rounds[mode], strict=True)
        show(f"lag from commit to visible row, ms, p99, {' + '.join(roles)}", ours=round(median(p99), 2), goal=goal, p50=round(median(p50), 2),
             post_p99=round(median([each["p99"] for each in answered]), 2), post_p50=round(median([each["p50"] for each in answered]), 2),
             events_per_second=round(2 * median([each["per_second"] for each in answered])), ratio=round(goal / median(p99), 2))


if __name__ == "__main__":
    main()

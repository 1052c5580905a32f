"""How long until a writer sees his own write? A POST, and then the GET that asks for at least the POST's position (`X-Min-Position`), by one
client against `tiangong up`; the figure is the GET alone, through HTTP and authentication. The peer, in one process: the library's `save()` and
then its runner's `wait()` for the event, without HTTP. They alternate, three rounds, medians. Prints a JSON line."""

import http.client
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.conninfo import conninfo_to_dict

from tests.bench.measure import ROUNDS, databases, median, percentile, show
from tests.bench.roles import TOKEN, started
from tests.bench.runner import View

WRITES, PAUSE, GOAL = 200, 0.005, 5.0


class Rows(Projection[View]):
    name = "rows"

    def process_event(self, domain_event: Any, tracking: Any) -> None:
        self.view.write([("insert into rows values (%s, %s)", (str(domain_event.originator_id), tracking.notification_id))], tracking)


def ours(port: int, number: int) -> list[float]:
    """Milliseconds of each GET."""
    line, found = http.client.HTTPConnection("127.0.0.1", port, timeout=20), []
    for n in range(WRITES):
        position, id = write(line, f"v{number}.{n}.0")
        began = time.perf_counter()
        line.request("GET", f"/api/v1/versions/{id}", headers={"Authorization": f"Bearer {TOKEN}", "X-Min-Position": position})
        answer = line.getresponse()
        body = json.load(answer)
        found.append(1000 * (time.perf_counter() - began))
        if answer.status != 200 or body["id"] != id:
            raise SystemExit(f"the write was not seen: {answer.status} {body}")
        time.sleep(PAUSE)
    line.close()
    return found


def write(line: http.client.HTTPConnection, tag: str) -> tuple[str, str]:
    body = json.dumps({"git_tag": tag, "git_commit": "c0ffee1", "repository": "https://git.example/org/repo"})
    line.request("POST", "/api/v1/versions", body, {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"})
    answer = line.getresponse()
    made = json.load(answer)
    if answer.status not in (200, 201):
        raise SystemExit(f"{answer.status}: {made}")
    return str(answer.headers["X-Log-Position"]), made["id"]


def peer(conninfo: str) -> list[float]:
    """Milliseconds of each wait()."""
    at, found = {key: str(value) for key, value in conninfo_to_dict(conninfo).items()}, []
    env = {"PERSISTENCE_MODULE": "eventsourcing.postgres", "POSTGRES_DBNAME": at["dbname"], "POSTGRES_HOST": at["host"], "POSTGRES_PORT": "5432",
           "POSTGRES_USER": at["user"], "POSTGRES_PASSWORD": "none", "POSTGRES_SINGLE_ROW_TRACKING": "yes"}
    with ProjectionRunner(application_class=Application, projection_class=Rows, view_class=View, env=env) as runner:
        for _ in range(WRITES // 4):
            [recording] = runner.app.save(Aggregate())
            began = time.perf_counter()
            runner.wait(recording.notification.id, timeout=10)
            found.append(1000 * (time.perf_counter() - began))
            time.sleep(PAUSE)
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, databases("ours", "peer", migrated=("ours",)) as found:
        with psycopg.connect(found["peer"], autocommit=True) as conn:
            conn.execute("create table public.rows (id text, position bigint)")
        with started(("up",), Path(folder) / "home", found["ours"]) as port:
            ours(port, 0)  # everything has been done once
            rounds = [(ours(port, number), peer(found["peer"])) for number in range(1, ROUNDS + 1)]
    mine, theirs = zip(*rounds, strict=True)
    p99, their_p99 = (median([percentile(each, 0.99) for each in side]) for side in (mine, theirs))
    p50, their_p50 = (median([percentile(each, 0.5) for each in side]) for side in (mine, theirs))
    show("read your own write, ms, p99", ours=round(p99, 2), peer="ProjectionRunner.wait()", peer_value=round(their_p99, 1),
         ratio=round(their_p99 / p99, 1), goal=GOAL, p50=round(p50, 2), peer_p50=round(their_p50, 1))


if __name__ == "__main__":
    main()

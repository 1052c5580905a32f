"""How fast do read models catch up? All of ours over a log of 1,000,000 real facts (or as many as the first argument says), read by the follower and
written by the projector as in `tiangong projector`, against the library's `ProjectionRunner` on the same log: with the same rows for each event, and,
its best case, with one row for each. They alternate: a third of the log (or what of it can be done in LONGEST seconds: `events` says how many were
done in all), then the peer for some seconds. Prints a JSON line for each peer."""

import sys
import threading
import time
from contextlib import closing

from adapters.event_store.follower import Follower
from projections.catalogue import PROJECTIONS
from projections.engine.ahead import Ahead
from projections.engine.connections import connect
from projections.engine.projector import Projector
from tests.bench import runner
from tests.bench.history import seed
from tests.bench.measure import ROUNDS, databases, median, show

EVENTS, SECONDS, LONGEST, PAGE, GOAL = 1_000_000, 4.0, 25.0, 5000, 30


def catch_up(conninfo: str, projector: Ahead, upto: int) -> float:
    """Events a second, from where the read models stand."""
    first = projector.position
    began = time.monotonic()
    with closing(Follower(conninfo, first, PAGE).batches(threading.Event())) as batches:
        for batch in batches:
            if not batch:
                raise RuntimeError(f"the log ends at {projector.position}")
            projector.apply(batch)
            if batch[-1].position >= upto or time.monotonic() > began + LONGEST:
                break
    return (projector.position - first) / (time.monotonic() - began)


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    with databases("log", migrated=["log"]) as found:
        conninfo = found["log"]
        seed(conninfo, events)
        with connect(conninfo) as conn:
            runner.tables(conn)
        ours, same, one = [], [], []
        writer = Projector(conninfo, PROJECTIONS)
        with closing(Ahead(writer)) as projector:
            for number in range(1, ROUNDS + 1):
                ours.append(catch_up(conninfo, projector, events * number // ROUNDS))
                same.append(runner.run(conninfo, runner.SameRows, SECONDS))
                one.append(runner.run(conninfo, runner.OneRow, SECONDS))
            done = projector.position
            if writer.quarantined:
                raise SystemExit(f"{writer.quarantined} facts were put aside")
    for peer, rates in (("ProjectionRunner, the same rows", same), ("ProjectionRunner, one row upsert an event", one)):
        show("projection throughput, events/s", ours=round(median(ours)), peer=peer, peer_value=round(median(rates)),
             ratio=round(median(ours) / median(rates), 1), goal=GOAL, events=done)


if __name__ == "__main__":
    main()

"""How many commands a second does the log take? Ours, 64 callers on one event loop, against the library's own `save()`, 16 threads, on the
same server: PostgreSQL as installed, synchronous_commit on; alternating, three rounds, medians. Prints one JSON line."""

from tests.bench.appends import appends, compared
from tests.bench.measure import ROUNDS, databases, show
from tests.bench.peers import saves

SECONDS, CALLERS = 4.0, 64


def main() -> None:
    with databases("ours", "peer", migrated=["ours"]) as at:
        appends(at["ours"], CALLERS, 1.0)
        saves(at["peer"], 1.0)
        rounds = [(appends(at["ours"], CALLERS, SECONDS), saves(at["peer"], SECONDS)) for _ in range(ROUNDS)]
    ours, peer = zip(*rounds, strict=True)
    show(f"log.append, {CALLERS} callers, commands/s", peer="eventsourcing save(), 16 threads", goal=15,
         goal_latency="ours_p99_ms <= peer_p50_ms", **compared(ours, peer, SECONDS))


if __name__ == "__main__":
    main()

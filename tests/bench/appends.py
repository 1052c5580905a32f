"""Appends to the log, as a server makes them: one process, one event loop, each command with its id, its origin and the digest chain."""

import asyncio
import gc
import time
from collections.abc import Sequence

from adapters.event_store.log import PostgresLog
from application.chance import uuid
from application.house import new_id, utc_now
from application.ports.log import Origin
from domain.version.events import VersionCreated
from tests.bench.measure import median, percentile


async def appended(conninfo: str, callers: int, seconds: float) -> list[float]:
    """So many callers append a fact to a new stream each, one after the other, for so long; the seconds that each took."""
    took: list[float] = []
    async with PostgresLog(conninfo) as log:
        until = time.perf_counter() + seconds

        async def caller() -> None:
            while (began := time.perf_counter()) < until:
                fact = VersionCreated(stream=new_id("ver"), version=1, at=utc_now(), by="system:bench", git_tag="v1.0.0", git_commit="abc123def456",
                                      repository="https://git.example/org/repo")
                command = uuid()
                await log.append([fact], command, Origin("system:bench", command))
                took.append(time.perf_counter() - began)

        gc.collect()
        gc.freeze()  # as a server does once it has started
        await asyncio.gather(*(caller() for _ in range(callers)))
    return took


def appends(conninfo: str, callers: int, seconds: float) -> list[float]:
    return asyncio.run(appended(conninfo, callers, seconds))


def compared(ours: Sequence[Sequence[float]], peer: Sequence[Sequence[float]], seconds: float) -> dict[str, float]:
    """Rounds of latencies in seconds: commands a second, their ratio, percentiles in ms; each the median of the rounds."""
    rates = [median([len(took) / seconds for took in rounds]) for rounds in (ours, peer)]
    return {"ours": round(rates[0]), "peer_value": round(rates[1]), "ratio": round(rates[0] / rates[1], 1)} | {
        f"{who}_p{share}_ms": round(median([percentile(took, share / 100) for took in rounds]) * 1000, 2)
        for who, rounds in (("ours", ours), ("peer", peer)) for share in (50, 99)}

"""A batch of commands as the arguments of `log.append`, and its answer as one outcome for each command."""

from collections.abc import Sequence

from adapters.event_store.arrays import INT4, INT8, PackedArray, byteas, int4s, int8s, texts, uuids
from adapters.event_store.command import Command, Outcome
from application.ports.log import Appended, Conflict, IdReused

APPEND = """select head, lost, done, done_first, done_events, reused from log.append(
    %s::text[], %s::bigint[], %s::text[], %s::bytea[], %s::int[],
    %s::uuid[], %s::bytea[], %s::text[], %s::uuid[], %s::uuid[], %s::text[], %s::text[],
    %s::text[], %s::bigint[], %s::int[])"""

Answer = tuple[int, list[int] | None, list[int] | None, list[int] | None, list[int] | None, list[int] | None]


def arguments(commands: Sequence[Command]) -> tuple[PackedArray, ...]:
    rows = [row for command in commands for row in command.rows]
    numbers = [packed for number, command in enumerate(commands, 1) for packed in [INT4(number)] * len(command.rows)]
    sources = [command.source for command in commands]
    seen = [(stream, version, number) for number, command in enumerate(commands, 1) for stream, version in command.seen.items()]
    return (
        texts(row.stream for row in rows),
        int8s(row.version for row in rows),
        texts(row.topic for row in rows),
        byteas(row.state for row in rows),
        int4s(numbers),
        uuids(command.id for command in commands),
        byteas(command.request for command in commands),
        texts(source.actor for source in sources),
        uuids(source.correlation for source in sources),
        uuids(source.causation for source in sources),
        texts(source.source_ip for source in sources),
        texts(source.request_id for source in sources),
        texts(stream.encode() for stream, _, _ in seen),
        int8s(INT8(version) for _, version, _ in seen),
        int4s(INT4(number) for _, _, number in seen),
    )


def outcomes(commands: Sequence[Command], answer: Answer) -> list[Outcome]:
    """What came of each command: where its events stand, Conflict or IdReused."""
    head, lost, done, firsts, counts, reused = answer
    known = dict(zip(done or (), zip(firsts or (), counts or (), strict=True), strict=True))
    refused, others = set(lost or ()), set(reused or ())
    results: list[Outcome] = []
    for number, command in enumerate(commands, 1):
        if number in others:
            results.append(IdReused(f"the command id {command.id} was used before, for another request"))
        elif number in known:
            results.append(appended(*known[number], repeated=True))
        elif number in refused:
            results.append(Conflict(f"somebody wrote first to one of {_streams(command)}: load again and decide again"))
        else:
            results.append(appended(head + 1, len(command.rows), repeated=False))
            head += len(command.rows)
    return results


def appended(first: int, count: int, *, repeated: bool) -> Appended:
    return Appended(position=first + count - 1, first=first, count=count, repeated=repeated)


def _streams(command: Command) -> str:
    return ", ".join(sorted({row.stream.decode() for row in command.rows}.union(command.seen)))

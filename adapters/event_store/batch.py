"""A batch of commands as the arguments of `log.append`, and its answer as one outcome for each command."""

from collections import deque
from collections.abc import Sequence

from psycopg.pq.abc import PGresult

from adapters.event_store.arrays import INT4, INT8, byteas, int4s, int8s, numbers, texts, uuids
from adapters.event_store.command import Command, Outcome
from application.ports.log import Appended, Conflict, IdReused

MOST_COMMANDS, MOST_EVENTS = 512, 5000
TYPES = "text[], bigint[], text[], bytea[], int[], uuid[], bytea[], text[], uuid[], uuid[], text[], text[], text[], bigint[], int[]"
APPEND = f"""select head, lost, done, done_first, done_events, reused
  from log.append({", ".join(f"${place}" for place in range(1, TYPES.count(",") + 2))})"""
PLACES = tuple(INT4(place) for place in range(1, MOST_COMMANDS + 1))


def taken(queue: deque[Command]) -> list[Command]:
    """Commands for which somebody waits and that do not touch each other; one that does stays for the next batch, where it meets the truth
    in the tables."""
    found: list[Command] = []
    waiting: list[Command] = []
    written: set[object] = set()
    seen: set[object] = set()
    events = 0
    while queue and len(found) < MOST_COMMANDS and len(waiting) < MOST_COMMANDS and events < MOST_EVENTS:
        command = queue.popleft()
        if command.answer.done():
            continue
        if written.isdisjoint(command.keys) and (not seen or seen.isdisjoint(command.keys)) and written.isdisjoint(command.seen):
            written.update(command.keys)
            seen.update(command.seen)
            found.append(command)
            events += len(command.rows)
        else:
            waiting.append(command)
    queue.extendleft(reversed(waiting))
    return found


def arguments(commands: Sequence[Command]) -> list[bytes]:
    rows = [row for command in commands for row in command.rows]
    places = [place for place, command in zip(PLACES, commands, strict=False) for _ in command.rows]
    sources = [command.source for command in commands]
    seen = [(stream.encode(), INT8(version), place) for place, command in zip(PLACES, commands, strict=False) if command.seen
            for stream, version in command.seen.items()]
    return [
        texts([row[0] for row in rows]),
        int8s([row[1] for row in rows]),
        texts([row[2] for row in rows]),
        byteas([row[3] for row in rows]),
        int4s(places),
        uuids([command.id for command in commands]),
        byteas([command.request for command in commands]),
        texts([source[0] for source in sources]),
        uuids([source[1] for source in sources]),
        uuids([source[2] for source in sources]),
        texts([source[3] for source in sources]),
        texts([source[4] for source in sources]),
        texts([each[0] for each in seen]),
        int8s([each[1] for each in seen]),
        int4s([each[2] for each in seen]),
    ]


def outcomes(commands: Sequence[Command], answer: PGresult) -> list[Outcome]:
    """What came of each command: where its events stand, Conflict or IdReused."""
    head = int.from_bytes(answer.get_value(0, 0) or b"")
    if answer.get_value(0, 1) is None and answer.get_value(0, 2) is None:
        return _in_order(commands, head)
    lost, done, firsts, counts, reused = (numbers(answer.get_value(0, column)) for column in range(1, 6))
    known = dict(zip(done, zip(firsts, counts, strict=True), strict=True))
    refused, others = set(lost), set(reused)
    results: list[Outcome] = []
    for number, command in enumerate(commands, 1):
        if number in others:
            results.append(IdReused(f"the command id {command.id} was used before, for another request"))
        elif number in known:
            first, count = known[number]
            results.append(Appended(first + count - 1, first, count, True))
        elif number in refused:
            results.append(Conflict(f"somebody wrote first to one of {_streams(command)}: load again and decide again"))
        else:
            results += _in_order([command], head)
            head += len(command.rows)
    return results


def _in_order(commands: Sequence[Command], head: int) -> list[Outcome]:
    """One behind the other, from behind `head`."""
    results: list[Outcome] = []
    for command in commands:
        count = len(command.rows)
        results.append(Appended(head + count, head + 1, count))
        head += count
    return results


def _streams(command: Command) -> str:
    return ", ".join(sorted({row.stream.decode() for row in command.rows}.union(command.seen)))

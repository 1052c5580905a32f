"""Stories in which nothing goes wrong: whole lives of deployments, as the application stores them."""

import asyncio
from functools import cache
from itertools import islice
from uuid import UUID

from domain.recorded import Recorded
from domain.registry import decode
from tests.bench.history import BEGIN, commands, town
from tests.projections.facts import origin_of


@cache
def lives(size: int) -> list[Recorded]:
    """What the application itself has stored, of several towns side by side."""
    found: list[Recorded] = []
    for name, (actor, _, facts) in islice(commands(asyncio.run(town())), size):
        for each in facts:
            event = decode(each.topic, each.state(name.encode(), BEGIN.isoformat().encode()))
            position = len(found) + 1
            found.append(Recorded(position, event, b"", UUID(int=position), origin_of(actor, position), BEGIN))
    return found

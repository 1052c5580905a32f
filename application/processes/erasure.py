"""Whoever is forgotten is erased, also where the command that said so died before it had done it."""

from application.processes import reactions
from application.processes.wishes import Erase, SweepAnswers, Wish
from domain.event import Event
from domain.user.events import UserForgotten


@reactions.to(UserForgotten)
def react(event: Event) -> list[Wish]:
    match event:
        case UserForgotten():
            return [Erase((event.stream, *event.pseudonyms))]
    return []


@reactions.to(UserForgotten)
def sweep(event: Event) -> list[Wish]:
    """For a process that waits for the read models: an answer made from older ones would be kept after the sweep."""
    match event:
        case UserForgotten():
            return [SweepAnswers()]
    return []

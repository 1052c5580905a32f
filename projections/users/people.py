"""Who did it, as people read it: the user's e-mail, else the name, else the actor as the log has it (`system:…`, the id of who is forgotten)."""

from domain.personal import FORGOTTEN


def join_person(actor: str, alias: str = "u") -> str:
    return f"left join users {alias} on {alias}.id = {actor}"


def printed(actor: str, alias: str = "u") -> str:
    return f"coalesce(nullif({alias}.email, ''), nullif({alias}.username, '{FORGOTTEN}'), {actor})"


NAMES = f"select u.id, {printed('u.id')} from views.users u"
"""Everybody: id and what is printed."""

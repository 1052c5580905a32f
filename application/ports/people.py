"""The port to what leads to people and what makes them readable: it stands outside the log, so that it can be destroyed."""

from collections.abc import Collection
from typing import Protocol


class People(Protocol):
    async def name(self, username: str) -> str:
        """The stream of a user's name, `name_…`: random, made the first time it is asked for, and the same for everybody."""

    async def known_name(self, username: str) -> str | None:
        """The same, if anybody has made it."""

    async def addressee(self, address: str) -> str:
        """Whose key a mail address is stored under, `adr_…`: random, made the first time. Capital letters make no difference."""

    async def known_addressee(self, address: str) -> str | None:
        """The same, if anybody has made it."""

    async def erase(self, ids: Collection[str]) -> None:
        """Destroy the keys of these persons, and what leads to these pseudonyms. Again, it changes nothing."""

"""The port to what proves who somebody is. Digests of tokens are kept outside the log, so that the log never holds anything to attack."""

from typing import Protocol


class Credentials(Protocol):
    async def put(self, token: str, digest: bytes) -> None:
        """Remember that a value with this SHA-256 digest is the token with this id (`tok_…`)."""

    async def find(self, digest: bytes) -> str | None:
        """The id of the token whose value has this digest."""

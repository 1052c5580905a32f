"""The port to people: one message to one destination."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Message:
    id: str
    """The same for every try, so that a receiver can drop a double."""
    destination: str
    """What the channel understands: a mail address, `log`."""
    subject: str
    text: str


class DeliveryFailed(Exception):
    """`final` is true where trying again cannot help (the receiver refused)."""

    def __init__(self, message: str, *, final: bool) -> None:
        super().__init__(message)
        self.final = final


class Notifier(Protocol):
    channel: str
    """`log`, `mail`, …"""

    async def send(self, message: Message) -> str:
        """Deliver; return the channel's own receipt. Raises DeliveryFailed."""

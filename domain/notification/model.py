"""A notification: requested once, then sent or given up."""

from datetime import datetime

import msgspec

from domain.event import Event
from domain.notification.events import NotificationFailed, NotificationRequested, NotificationSent


class Notification(msgspec.Struct, frozen=True):
    id: str
    version: int
    request: NotificationRequested
    ended: bool = False

    def sent(self, receipt: str, tries: int, *, possibly_repeated: bool, at: datetime, by: str) -> list[Event]:
        if self.ended:
            return []
        return [NotificationSent(stream=self.id, version=self.version + 1, at=at, by=by, receipt=receipt, tries=tries,
                                 possibly_repeated=possibly_repeated)]

    def failed(self, error: str, tries: int, *, at: datetime, by: str) -> list[Event]:
        if self.ended:
            return []
        return [NotificationFailed(stream=self.id, version=self.version + 1, at=at, by=by, error=error, tries=tries)]


def evolve(notification: Notification | None, event: Event) -> Notification:
    if isinstance(event, NotificationRequested):
        return Notification(event.stream, event.version, event)
    if notification is not None and isinstance(event, NotificationSent | NotificationFailed):
        return msgspec.structs.replace(notification, version=event.version, ended=True)
    raise TypeError(f"not a fact about a notification: {event}")

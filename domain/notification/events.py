"""What can have happened to a notification: one message about one fact, to one destination."""

from domain.event import Event


class NotificationRequested(Event, frozen=True, kw_only=True, tag=2):
    """Somebody ought to know: the intent, before anything is sent."""

    TOPIC = "notification.requested"
    PERSONAL = {"destination": "addressee"}
    rule: str
    severity: str
    channel: str
    destination: str
    deployment_id: str
    task_id: str
    subject: str
    text: str
    addressee: str = ""
    """`adr_…`: under whose key a mail address stands in the log. Empty where the destination is none."""


class NotificationSent(Event, frozen=True, kw_only=True):
    """The channel took the message; `possibly_repeated` where a crash hid the end of an earlier try."""

    TOPIC = "notification.sent"
    receipt: str
    tries: int
    possibly_repeated: bool = False


class NotificationFailed(Event, frozen=True, kw_only=True):
    """The message could not be delivered, and is not tried again."""

    TOPIC = "notification.failed"
    error: str
    tries: int

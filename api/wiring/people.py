"""Who is told, and by what channel: always the log; by mail where SMTP_URL is set."""

from urllib.parse import parse_qs, urlsplit

from adapters.notifiers import LogNotifier, MailNotifier
from api.settings import Settings
from application.notifications import Channel
from application.ports.notifier import Notifier


def notifiers(settings: Settings) -> dict[str, Notifier]:
    known: dict[str, Notifier] = {"log": LogNotifier()}
    if settings.smtp_url:
        known["mail"] = MailNotifier(settings.smtp_url.get_secret_value())
    return known


def channels(settings: Settings) -> list[Channel]:
    """Mail goes to the addresses in SMTP_URL (`?to=ops@example.com&to=…`)."""
    told = [Channel("log", "log")]
    if settings.smtp_url:
        told += [Channel("mail", address) for address in parse_qs(urlsplit(settings.smtp_url.get_secret_value()).query).get("to", [])]
    return told

"""Who is told, and by what channel: always the log; by mail where SMTP_URL is set."""

import logging
from urllib.parse import parse_qs, urlsplit

from adapters.notifiers import LogNotifier, MailNotifier
from api.settings import Settings
from application.notifications import Channel
from application.ports.notifier import Notifier

logger = logging.getLogger(__name__)


def notifiers(settings: Settings) -> dict[str, Notifier]:
    known: dict[str, Notifier] = {"log": LogNotifier()}
    if settings.smtp_url:
        known["mail"] = MailNotifier(settings.smtp_url.get_secret_value())
    return known


def channels(settings: Settings) -> list[Channel]:
    """Mail goes to the addresses in SMTP_URL (`?to=ops@example.com&to=…`)."""
    if not settings.smtp_url:
        return [Channel("log", "log")]
    addresses = parse_qs(urlsplit(settings.smtp_url.get_secret_value()).query).get("to", [])
    if not addresses:
        logger.warning("SMTP_URL names nobody to write to (?to=ops@example.com): no mail is sent")
    return [Channel("log", "log"), *(Channel("mail", address) for address in addresses)]

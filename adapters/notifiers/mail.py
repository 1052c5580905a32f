"""Mail by SMTP (RFC 5321): encrypted before anybody logs in, a Message-ID that stays the same for every try."""

import asyncio
import ssl
from email.message import EmailMessage
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from application.ports.notifier import DeliveryFailed, Message

TIMEOUT = 30.0
"""Seconds for each answer of the server, and twice as much for the whole conversation."""
STARTTLS = {"auto": None, "required": True, "never": False}


class MailNotifier:
    """`url`: `smtp://user:password@host:port?from=…&starttls=auto|required|never&ca=FILE`, or `smtps://…` (TLS from the start).
    With a user STARTTLS is required; without one it is used where the server offers it (`auto`). `ca`: the certificates to trust, in place
    of the system's. Raises ValueError for an address it cannot use; the error does not repeat it, it holds a password."""

    channel = "mail"

    def __init__(self, url: str, timeout: float = TIMEOUT) -> None:
        parts = urlsplit(url)
        options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        if unknown := options.keys() - {"from", "to", "starttls", "ca"}:
            raise ValueError(f"SMTP_URL: there is no option {', '.join(sorted(unknown))}")
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("SMTP_URL: smtp://host or smtps://host expected")
        self._implicit, self._timeout = parts.scheme == "smtps", timeout
        self._host, self._port = parts.hostname, parts.port or (465 if self._implicit else 587 if parts.username else 25)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._sender = options.get("from") or (self._user if "@" in self._user else f"tiangong@{self._host}")
        wanted = options.get("starttls", "required" if self._user else "auto")
        if wanted not in STARTTLS:
            raise ValueError("SMTP_URL: starttls is auto, required or never")
        self._starttls = False if self._implicit else STARTTLS[wanted]
        self._trust = ssl.create_default_context(cafile=options.get("ca"))

    async def send(self, message: Message) -> str:
        try:
            mail = self._written(message)
        except (ValueError, UnicodeError) as error:
            raise DeliveryFailed(f"not a mail that can be sent to {message.destination!r}: {error}", final=True) from error
        try:
            async with asyncio.timeout(self._timeout * 2):
                _, answer = await aiosmtplib.send(
                    mail, hostname=self._host, port=self._port, username=self._user or None, password=self._password or None,
                    use_tls=self._implicit, start_tls=self._starttls, tls_context=self._trust, timeout=self._timeout)
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise self._refused(*[(refused.code, refused.message) for refused in error.recipients]) from error
        except aiosmtplib.SMTPResponseException as error:
            raise self._refused((error.code, error.message)) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise DeliveryFailed(f"{self._host}: {str(error) or 'no answer in time'}", final=False) from error
        return answer

    def _refused(self, *answers: tuple[int, str]) -> DeliveryFailed:
        said = "; ".join(f"{code} {' '.join(text.split())}" for code, text in answers)
        return DeliveryFailed(f"{self._host} answered: {said}", final=all(code >= 500 for code, _ in answers))

    def _written(self, message: Message) -> EmailMessage:
        """Raises ValueError for a destination that is not one address."""
        mail = EmailMessage()
        mail["From"], mail["To"] = self._sender, message.destination
        addresses = mail["To"].addresses
        if mail["To"].defects or len(addresses) != 1 or not addresses[0].username or not addresses[0].domain:
            raise ValueError("not one mail address")
        mail["Subject"] = " ".join(message.subject.split())
        mail["Message-ID"] = f"<{message.id}@{mail['From'].addresses[0].domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text.encode("utf-8", "replace").decode())
        return mail

"""Mail by SMTP (RFC 5321): encrypted before anybody logs in, a Message-ID that stays the same for every try."""

import ssl
from email.message import EmailMessage
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from application.ports.notifier import DeliveryFailed, Message

TIMEOUT = 30.0
"""Seconds for the whole conversation."""


class MailNotifier:
    """`url`: `smtp://user:password@host:port?from=…&starttls=auto|required|never&ca=FILE`, or `smtps://…` (TLS from the start).
    With a user STARTTLS is required; without one it is used where the server offers it (`auto`)."""

    channel = "mail"

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        self._implicit = parts.scheme == "smtps"
        self._host, self._port = parts.hostname or "localhost", parts.port or (465 if self._implicit else 587 if parts.username else 25)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._sender = options.get("from") or (self._user if "@" in self._user else f"tiangong@{self._host}")
        wanted = options.get("starttls", "required" if self._user else "auto")
        if wanted not in ("auto", "required", "never"):
            raise ValueError("SMTP_URL: starttls is auto, required or never")
        self._starttls = {"auto": None, "required": True, "never": False}[wanted]
        self._trust = ssl.create_default_context(cafile=options.get("ca"))

    async def send(self, message: Message) -> str:
        try:
            _, answer = await aiosmtplib.send(
                self._written(message), hostname=self._host, port=self._port, username=self._user or None, password=self._password or None,
                use_tls=self._implicit, start_tls=False if self._implicit else self._starttls, tls_context=self._trust, timeout=TIMEOUT)
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPResponseException) as error:
            codes = [r.code for r in error.recipients] if isinstance(error, aiosmtplib.SMTPRecipientsRefused) else [error.code]
            raise DeliveryFailed(f"{self._host}: {error}", final=all(code >= 500 for code in codes)) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise DeliveryFailed(f"{self._host}: {error or 'no answer in time'}", final=False) from error
        return answer

    def _written(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"] = self._sender, message.destination
        mail["Subject"] = " ".join(message.subject.split())
        mail["Message-ID"] = f"<{message.id}@{self._sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        return mail

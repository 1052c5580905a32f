"""Mail to a real SMTP server that wants STARTTLS and a login; and the channel that is always there."""

import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from adapters.notifiers import LogNotifier, MailNotifier
from application.ports.notifier import DeliveryFailed, Message
from tests.notifiers.certificates import self_signed

MESSAGE = Message("ntf_1", "ops@example.com", "发布失败 v1.0.0\r\nBcc: eve@example.com", "部署失败\nsecond line")
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # one test's server does that
PASSWORD = "p@ss/word of cd"


@dataclass
class Box:
    """What the server got, and what it answers."""

    got: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    answer: str = "250 2.0.0 queued as 42"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address.startswith("nobody@"):
            return "550 5.1.1 no such user"
        if address.startswith("later@"):
            return "450 4.2.1 greylisted"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            self.got.append(message_from_bytes(envelope.content, policy=policy.default))
            self.recipients += envelope.rcpt_tos
        return self.answer


def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    fine = isinstance(data, LoginPassword) and (data.login, data.password) == (b"cd@example.com", PASSWORD.encode())
    return AuthResult(success=fine, handled=False)  # handled: a refused client would wait for ever


@dataclass
class Mail:
    box: Box
    serve: Callable[..., int]
    ca: Path

    def url(self, *, user: str = "cd%40example.com", password: str = "p%40ss%2Fword%20of%20cd", options: str = "", ca: Path | None = None,
            **server: Any) -> str:
        login = f"{user}:{password}@" if user else ""
        return f"smtp://{login}127.0.0.1:{self.serve(**server)}?from=cd@example.com&ca={ca or self.ca}{options}"


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[Mail]:
    box, started = Box(), []
    certificate, key = self_signed(tmp_path)

    def serve(tls: bool = True, login: bool = True) -> int:
        trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        trust.load_cert_chain(certificate, key)
        controller = Controller(
            box, hostname="127.0.0.1", port=free_port(), tls_context=trust if tls else None, require_starttls=tls, authenticator=authenticate,
            auth_required=login, auth_require_tls=tls)
        controller.start()
        started.append(controller)
        return int(controller.port)

    yield Mail(box, serve, certificate)
    for controller in started:
        controller.stop()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


async def failure(url: str, message: Message = MESSAGE, timeout: float = 5.0) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as failed:
        await MailNotifier(url, timeout).send(message)
    assert PASSWORD not in str(failed.value)
    return failed.value


async def test_a_mail_arrives_encrypted_and_logged_in_with_an_id_that_stays(mail: Mail):
    notifier = MailNotifier(mail.url())
    assert "queued as 42" in await notifier.send(MESSAGE)
    await notifier.send(MESSAGE)
    first, second = mail.box.got
    assert (first["From"], first["To"], first["Message-ID"]) == ("cd@example.com", "ops@example.com", "<ntf_1@example.com>")
    assert first["Message-ID"] == second["Message-ID"]
    assert first.get_content().splitlines() == ["部署失败", "second line"]
    assert first["Subject"] == "发布失败 v1.0.0 Bcc: eve@example.com"  # no header of its own
    assert mail.box.recipients == ["ops@example.com"] * 2


@pytest.mark.parametrize(("answer", "final"), [("451 4.3.0 try again later", False), ("554 5.7.1 spam", True)])
async def test_an_answer_of_four_hundred_is_tried_again_and_one_of_five_hundred_is_not(mail: Mail, answer, final):
    mail.box.answer = answer
    error = await failure(mail.url())
    assert (error.final, str(error)) == (final, f"127.0.0.1 answered: {answer}")


@pytest.mark.parametrize(("to", "final"), [("nobody@example.com", True), ("later@example.com", False)])
async def test_a_refused_recipient_is_told_in_the_servers_words(mail: Mail, to, final):
    error = await failure(mail.url(), Message("ntf_1", to, "s", "t"))
    assert error.final is final
    assert ("no such user" if final else "greylisted") in str(error)


async def test_a_wrong_password_is_final(mail: Mail):
    error = await failure(mail.url(password="wrong"))
    assert error.final
    assert "535" in str(error)


async def test_a_server_of_another_authority_gets_nothing(mail: Mail, tmp_path: Path):
    other, _ = self_signed(tmp_path, "other")
    error = await failure(mail.url(ca=other))
    assert not error.final
    assert "certificate" in str(error)
    assert not mail.box.got


async def test_without_starttls_nobody_logs_in_unless_told_to(mail: Mail):
    error = await failure(mail.url(tls=False))
    assert "STARTTLS" in str(error)
    await MailNotifier(mail.url(tls=False, options="&starttls=never")).send(MESSAGE)
    assert len(mail.box.got) == 1


async def test_without_a_user_starttls_is_used_where_it_is_offered(mail: Mail):
    await MailNotifier(mail.url(user="", login=False)).send(MESSAGE)  # this server takes no mail before STARTTLS
    await MailNotifier(mail.url(user="", login=False, tls=False)).send(MESSAGE)
    assert len(mail.box.got) == 2
    assert "STARTTLS" in str(await failure(mail.url(user="", login=False, tls=False, options="&starttls=required")))


async def test_a_server_that_is_not_there_or_says_nothing_is_tried_again(mail: Mail):
    assert not (await failure(f"smtp://127.0.0.1:{free_port()}")).final
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = await failure(f"smtp://127.0.0.1:{silent.getsockname()[1]}", timeout=0.3)
    assert not error.final
    assert str(error) != "127.0.0.1: "


@pytest.mark.parametrize("destination", ["", "ops", "a@example.com, b@example.com", "a@example.com\nBcc: eve@example.com", "<>", "@example.com"])
async def test_what_is_not_one_address_is_final_and_never_sent(mail: Mail, destination):
    error = await failure(mail.url(), Message("ntf_1", destination, "s", "t"))
    assert error.final
    assert not mail.box.got


@pytest.mark.parametrize("url", ["smtp://:secret@", "http://u:secret@host", "smtp://u:secret@host?starttls=maybe", "smtp://u:secret@host?colour=red"])
def test_an_address_that_cannot_be_used_is_refused_without_showing_it(url):
    with pytest.raises(ValueError, match="SMTP_URL") as refused:
        MailNotifier(url)
    assert "secret" not in str(refused.value)


async def test_the_log_is_a_channel_too(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING, "tiangong.notifications"):
        assert await LogNotifier().send(MESSAGE) == "log:ntf_1"
    assert "部署失败" in caplog.text

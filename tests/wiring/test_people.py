"""Who is told: always the log; by mail where SMTP_URL says to whom."""

import pytest
from pydantic import SecretStr

from api.settings import Settings
from api.wiring.people import channels, notifiers
from application.notifications import Channel


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


@pytest.mark.parametrize(("url", "told"), [
    (None, []),
    ("smtp://mail.example", []),
    ("smtp://mail.example?to=ops@example.com", ["ops@example.com"]),
    ("smtps://user:p%40ss@mail.example:465?to=ops@example.com&from=ci@example.com&to=dev%2Bteam@example.com",
     ["ops@example.com", "dev+team@example.com"]),
])
def test_mail_goes_to_the_addresses_in_the_setting(settings, url, told):
    set_up = settings.model_copy(update={"smtp_url": SecretStr(url) if url else None})
    assert channels(set_up) == [Channel("log", "log"), *(Channel("mail", address) for address in told)]
    assert set(notifiers(set_up)) == ({"log", "mail"} if url else {"log"})


def test_a_setting_that_names_nobody_is_told(settings, caplog):
    channels(settings.model_copy(update={"smtp_url": SecretStr("smtp://user:s3cret@mail.example")}))
    assert "no mail is sent" in caplog.text
    assert "s3cret" not in caplog.text


def test_every_channel_has_its_notifier(settings):
    set_up = settings.model_copy(update={"smtp_url": SecretStr("smtp://mail.example?to=ops@example.com")})
    known = notifiers(set_up)
    assert all(known[channel.name].channel == channel.name for channel in channels(set_up))


def test_an_address_that_cannot_be_used_ends_the_start_without_its_password(settings):
    set_up = settings.model_copy(update={"smtp_url": SecretStr("smtp://user:s3cret@mail.example?via=pigeon")})
    with pytest.raises(ValueError, match="via") as refused:
        notifiers(set_up)
    assert "s3cret" not in str(refused.value)

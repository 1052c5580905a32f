"""Versions, applications, environments, names, users, tokens, notifications: their verbs in every state."""

from datetime import timedelta

import pytest

from application.work import kind_of
from domain.application import model as application
from domain.application.events import ApplicationChanged, ApplicationCreated, ApplicationDeleted
from domain.environment import model as environment
from domain.environment.events import EnvironmentChanged, EnvironmentCreated, EnvironmentDeleted, EnvironmentObserved
from domain.errors import NotFound, Refused
from domain.name.events import NameClaimed, NameFreed
from domain.name.model import stream_of
from domain.notification import model as notification
from domain.notification.events import NotificationFailed, NotificationRequested, NotificationSent
from domain.user import model as user
from domain.user.events import TokenIssued, TokenRevoked, UserCreated
from domain.version import model as version
from domain.version.events import VersionCreated, VersionDeleted, VersionVerified
from tests.support.given import ANN, NOON, fact, given

AS = {"at": NOON, "by": ANN}
HOUR = timedelta(hours=1)

# Version

VERSION = fact(VersionCreated, "ver_1", git_tag="v1", git_commit="c0f", repository="r")
VERIFIED = fact(VersionVerified, "ver_1", git_commit="c0ffee")


def test_a_version_is_verified_once_and_then_has_the_full_commit():
    known = given(VERSION).when(lambda v: v.verify("c0ffee", **AS)).then(VERIFIED)
    assert (known.verified, known.git_commit) == (True, "c0ffee")
    given(VERSION, VERIFIED).when(lambda v: v.verify("c0ffee", **AS)).then()


@pytest.mark.parametrize("before", [(VERSION,), (VERSION, VERIFIED)])
def test_a_version_is_deleted_once(before):
    assert given(*before).when(lambda v: v.delete(**AS)).then(fact(VersionDeleted, "ver_1")).deleted
    given(*before, fact(VersionDeleted, "ver_1")).when(lambda v: v.delete(**AS)).refuses(NotFound)


# Application

APP = fact(ApplicationCreated, "app_1", name="shop", repository="r", type="service", config={"port": 80})
APP_GONE = fact(ApplicationDeleted, "app_1")


def test_an_application_changes_its_name_type_and_config_but_not_its_repository():
    changed = fact(ApplicationChanged, "app_1", name="shop2", type="job", config={})
    app = given(APP).when(lambda a: a.change("shop2", "job", {}, **AS)).then(changed)
    assert (app.name, app.type, app.config, app.repository) == ("shop2", "job", {}, "r")


def test_what_an_application_is_already_is_no_change():
    given(APP).when(lambda a: a.change("shop", "service", {"port": 80}, **AS)).then()


def test_a_deleted_application_is_not_there():
    assert given(APP).when(lambda a: a.delete(**AS)).then(APP_GONE).deleted
    for verb in (lambda a: a.change("x", "service", {}, **AS), lambda a: a.delete(**AS)):
        given(APP, APP_GONE).when(verb).refuses(NotFound, "was deleted")


# Environment

ENV = fact(EnvironmentCreated, "env_1", name="prod", type="memory", config={}, is_active=True)
ENV_GONE = fact(EnvironmentDeleted, "env_1")


def test_an_environment_changes():
    changed = fact(EnvironmentChanged, "env_1", name="prod2", type="physical", config={"hosts": []}, is_active=False)
    env = given(ENV).when(lambda e: e.change("prod2", "physical", {"hosts": []}, False, **AS)).then(changed)
    assert (env.name, env.type, env.config, env.is_active) == ("prod2", "physical", {"hosts": []}, False)


def test_what_an_environment_is_already_is_no_change():
    given(ENV).when(lambda e: e.change("prod", "memory", {}, True, **AS)).then()


def test_every_observation_is_kept():
    observed = fact(EnvironmentObserved, "env_1", status="healthy", message="fine")
    given(ENV, observed).when(lambda e: e.observe("healthy", "fine", **AS)).then(observed)


def test_a_deleted_environment_is_not_there():
    assert given(ENV).when(lambda e: e.delete(**AS)).then(ENV_GONE).deleted
    for verb in (lambda e: e.change("x", "memory", {}, True, **AS), lambda e: e.observe("healthy", "", **AS), lambda e: e.delete(**AS)):
        given(ENV, ENV_GONE).when(verb).refuses(NotFound, "was deleted")


# Name

NAME = stream_of("version", "r@v1")
CLAIMED, FREED = fact(NameClaimed, NAME, kind="version", name="r@v1", owner="ver_1"), fact(NameFreed, NAME)


def claim(owner):
    return lambda name: name.claim("version", "r@v1", owner, **AS)


def test_a_free_name_is_claimed():
    assert given(stream=NAME).when(claim("ver_1")).then(CLAIMED).owner == "ver_1"
    given(CLAIMED, FREED).when(claim("ver_1")).then(CLAIMED)


def test_a_taken_name_is_refused_and_says_whose_it_is():
    for owner in ("ver_1", "ver_2"):
        assert given(CLAIMED).when(claim(owner)).refuses(Refused).details == {"existing": "ver_1"}


def test_a_name_is_freed_once():
    assert given(CLAIMED).when(lambda name: name.free(**AS)).then(FREED).owner == ""
    given(CLAIMED, FREED).when(lambda name: name.free(**AS)).then()


def test_kind_and_name_together_make_the_stream():
    assert len({stream_of("a", "bc"), stream_of("ab", "c"), stream_of("a", "b"), stream_of("abc", "")}) == 4


# User and token

TOKEN = fact(TokenIssued, "tok_1", user_id="usr_1", name="ci", expires_at=NOON + HOUR)
FOR_EVER = fact(TokenIssued, "tok_1", user_id="usr_1", name="ci")
REVOKED = fact(TokenRevoked, "tok_1", reason="lost")


@pytest.mark.parametrize(("facts", "at", "good"), [
    ((TOKEN,), NOON, True), ((TOKEN,), NOON + HOUR - timedelta(microseconds=1), True), ((TOKEN,), NOON + HOUR, False),
    ((FOR_EVER,), NOON + 10_000 * HOUR, True), ((TOKEN, REVOKED), NOON, False), ((FOR_EVER, REVOKED), NOON, False),
])
def test_a_token_is_good_until_it_expires_or_is_revoked(facts, at, good):
    assert given(*facts).state.is_good(at) is good


def test_a_token_is_revoked_once():
    given(TOKEN).when(lambda t: t.revoke("lost", **AS)).then(REVOKED)
    given(TOKEN, REVOKED).when(lambda t: t.revoke("lost", **AS)).then()


def test_a_user_has_roles():
    assert given(fact(UserCreated, "usr_1", username="ann", email="", roles=("viewer",))).state.roles == ("viewer",)


# Notification

ASKED = fact(NotificationRequested, "ntf_1", rule="build_failed", severity="critical", channel="log", destination="log", deployment_id="dep_1",
             task_id="", subject="s", text="t")
SENT = fact(NotificationSent, "ntf_1", receipt="r", tries=1)
LOST = fact(NotificationFailed, "ntf_1", error="refused", tries=8)


def test_a_notification_ends_once():
    given(ASKED).when(lambda n: n.sent("r", 1, possibly_repeated=False, **AS)).then(SENT)
    given(ASKED).when(lambda n: n.failed("refused", 8, **AS)).then(LOST)
    for end in (SENT, LOST):
        given(ASKED, end).when(lambda n: n.sent("r", 2, possibly_repeated=True, **AS)).then()
        given(ASKED, end).when(lambda n: n.failed("refused", 8, **AS)).then()


@pytest.mark.parametrize(("evolve", "later"), [
    (version.evolve, VERIFIED), (application.evolve, APP_GONE), (environment.evolve, ENV_GONE), (user.evolve_token, REVOKED),
    (notification.evolve, SENT),
])
def test_a_stream_without_its_beginning_is_a_defect(evolve, later):
    with pytest.raises(TypeError):
        evolve(None, later)


STATES = {"ver_1": VERSION, "app_1": APP, "env_1": ENV, "tok_1": TOKEN, "usr_1": fact(UserCreated, "usr_1", username="ann", email="", roles=()),
          "ntf_1": ASKED, NAME: CLAIMED}


@pytest.mark.parametrize("stream", STATES)
def test_a_fact_of_another_kind_is_a_defect(stream):
    strange = SENT if stream != "ntf_1" else VERIFIED
    with pytest.raises(TypeError):
        kind_of(stream).evolve(given(STATES[stream]).state, strange)

"""Notifications and webhook deliveries: what was told, and what was heard."""

from dataclasses import replace
from uuid import UUID

from domain.delivery.events import DeliveryReceived
from domain.notification.events import NotificationFailed, NotificationRequested, NotificationSent
from domain.version.events import VersionCreated
from projections.queries import get_delivery, get_notification, list_deliveries, list_notifications
from tests.projections.facts import fact, later, origin_of, planned, recorded


def asked(stream: str = "ntf_1", **fields):
    return fact(NotificationRequested, stream, by="system:alerts", **{
        "rule": "build_failed", "severity": "error", "channel": "mail", "destination": "ops@example.com", "deployment_id": "dep_1", "task_id": "",
        "subject": "build failed", "text": "see the log", **fields})


async def test_a_notification_is_in_the_ledger_from_the_intent_on(given, pool):
    given(asked())
    assert await get_notification(pool, "ntf_1") == {
        "id": "ntf_1", "rule": "build_failed", "severity": "error", "channel": "mail", "destination": "ops@example.com", "deployment_id": "dep_1",
        "task_id": None, "subject": "build failed", "text": "see the log", "status": "requested", "receipt": "", "tries": 0,
        "possibly_repeated": False, "error": "", "created_at": later(1), "updated_at": later(1), "sent_at": None, "stream_version": 1, "position": 1}


async def test_a_notification_was_sent_or_could_not_be(given, pool):
    given(asked(), asked("ntf_2", deployment_id="dep_2"), fact(NotificationSent, "ntf_1", receipt="250 ok", tries=2, possibly_repeated=True),
          fact(NotificationFailed, "ntf_2", error="550 no such user", tries=1))
    sent, failed = await get_notification(pool, "ntf_1"), await get_notification(pool, "ntf_2")
    assert (sent["status"], sent["receipt"], sent["tries"], sent["possibly_repeated"], sent["sent_at"]) == ("sent", "250 ok", 2, True, later(3))
    assert (failed["status"], failed["error"], failed["sent_at"]) == ("failed", "550 no such user", None)
    assert [row["id"] for row in (await list_notifications(pool, status="failed"))[0]] == ["ntf_2"]
    assert [row["id"] for row in (await list_notifications(pool, deployment_id="dep_1"))[0]] == ["ntf_1"]


def heard(stream: str = "dlv_1", **fields):
    return fact(DeliveryReceived, stream, by="system:webhooks", provider="github", event="push", delivery_id=f"guid-{stream}", **fields)


async def test_a_delivery_names_its_version_and_the_deployments_that_followed_from_it(projector, pool):
    cause = replace(origin_of("system:webhooks", 1), correlation=UUID(int=7))
    version = fact(VersionCreated, "ver_1", git_tag="v1", git_commit="abc", repository="r", source="github")
    projector.apply(recorded(heard(repository="r", version_id="ver_1", version_created=True), version, planned("dep_1"), origin=cause))
    projector.apply(recorded(planned("dep_2", tasks=()), after=3))
    assert await get_delivery(pool, "dlv_1") == {
        "id": "dlv_1", "provider": "github", "event": "push", "delivery_id": "guid-dlv_1", "status": "processed", "received_at": later(1),
        "version_id": "ver_1", "version_created": True, "auto_tag": "", "deployment_ids": ["dep_1"], "error": "", "repository": "r",
        "created_at": later(1), "updated_at": later(1), "stream_version": 1, "position": 1}


async def test_a_delivery_of_which_nothing_came_says_why(given, pool):
    given(heard(ignored="a branch was pushed, no tag"))
    found = await get_delivery(pool, "dlv_1")
    assert (found["status"], found["error"], found["version_id"], found["deployment_ids"]) == ("ignored", "a branch was pushed, no tag", None, [])
    assert (await list_deliveries(pool, provider="github"))[1] == 1
    assert (await list_deliveries(pool, provider="gitlab"))[1] == 0

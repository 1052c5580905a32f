"""Facts about notifications as rows."""

from domain.notification.events import NotificationFailed, NotificationRequested, NotificationSent
from domain.personal import FORGOTTEN, is_person
from domain.recorded import Recorded
from domain.user.events import UserForgotten
from projections.engine.projection import Statement, events_of, row

HANDLES = {NotificationRequested, NotificationSent, NotificationFailed, UserForgotten}
IGNORES = events_of("version", "application", "environment", "lane", "deployment", "task", "change", "delivery", "user", "name") - HANDLES


def project(recorded: Recorded) -> list[Statement]:
    match event := recorded.event:
        case NotificationRequested():
            return [("insert_notification", row(
                recorded, rule=event.rule, severity=event.severity, channel=event.channel, destination=event.destination, addressee=event.addressee,
                forgotten=FORGOTTEN, deployment_id=event.deployment_id, task_id=event.task_id, subject=event.subject, text=event.text))]
        case NotificationSent():
            return [("mark_sent", row(recorded, receipt=event.receipt, tries=event.tries, possibly_repeated=event.possibly_repeated))]
        case NotificationFailed():
            return [("mark_failed", row(recorded, error=event.error, tries=event.tries))]
        case UserForgotten():
            gone = row(recorded, addressees=[id for id in (event.stream, *event.pseudonyms) if is_person(id)], forgotten=FORGOTTEN)
            return [("remember_forgotten", gone), ("forget_addressees", gone)]
    return []

"""Facts about webhook deliveries as rows."""

from domain.delivery.events import DeliveryReceived
from domain.recorded import Recorded
from projections.engine.projection import Statement, events_of, row

HANDLES = {DeliveryReceived}
IGNORES = events_of("version", "application", "environment", "lane", "deployment", "task", "change", "notification", "user", "name")


def project(recorded: Recorded) -> list[Statement]:
    match event := recorded.event:
        case DeliveryReceived():
            return [("insert_delivery", row(
                recorded, provider=event.provider, event=event.event, delivery_id=event.delivery_id, repository=event.repository,
                version_id=event.version_id, version_created=event.version_created, auto_tag=event.auto_tag, ignored=event.ignored,
                correlation_id=recorded.origin.correlation))]
    return []

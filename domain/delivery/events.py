"""What can have happened to a webhook delivery whose signature was right."""

from domain.event import Event


class DeliveryReceived(Event, frozen=True, kw_only=True):
    """A provider told us something; `version_id` is what came of it, `ignored` why nothing did."""

    TOPIC = "delivery.received"
    provider: str
    event: str
    delivery_id: str
    repository: str = ""
    version_id: str = ""
    version_created: bool = False
    auto_tag: str = ""
    ignored: str = ""

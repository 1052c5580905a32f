"""What the doors count."""

from prometheus_client import CollectorRegistry, Counter, Histogram


class Metrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._answers = Counter("tiangong_http_answers", "Answers by route and status.", ("method", "route", "status"), registry=registry)
        self._seconds = Histogram("tiangong_http_seconds", "Seconds until an answer begins.", ("method", "route"), registry=registry)
        self._refused = Counter("tiangong_refused_webhooks", "Webhook deliveries that were refused at the door.", ("provider",), registry=registry)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """`route` is the route's pattern, never a path that somebody made up."""
        self._answers.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def webhook_refused(self, provider: str) -> None:
        self._refused.labels(provider).inc()

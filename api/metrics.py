"""What the doors count."""

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram


class Metrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._answers = Counter("tiangong_http_answers", "Answers by route and status.", ("method", "route", "status"), registry=registry)
        self._seconds = Histogram("tiangong_http_seconds", "Seconds until an answer begins.", ("method", "route"), registry=registry)
        self._refused = Counter("tiangong_refused_webhooks", "Webhook deliveries that were refused at the door.", ("provider",), registry=registry)
        self._of = cache(self._find)  # as many as there are series

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """`route` is the route's pattern, never a path that somebody made up."""
        answers, took = self._of(method, route, status)
        answers.inc()
        took.observe(seconds)

    def _find(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        return self._answers.labels(method, route, str(status)), self._seconds.labels(method, route)

    def webhook_refused(self, provider: str) -> None:
        self._refused.labels(provider).inc()

"""The audit's files, each read over a connection of its own: the pools belong to those who are in a hurry."""

from collections.abc import Iterator, Mapping

from adapters.event_store.connections import connect
from adapters.event_store.export import export
from adapters.event_store.signing import Signer
from adapters.event_store.table import table
from application.ports.audit import Wanted

NAME = "tiangong audit export"


class PostgresAuditFiles:
    def __init__(self, conninfo: str, signer: Signer) -> None:
        self._conninfo, self._signer = conninfo, signer

    def jsonl(self, wanted: Wanted) -> Iterator[bytes]:
        with connect(self._conninfo, NAME) as conn:
            yield from export(conn, wanted, self._signer)

    def csv(self, wanted: Wanted, names: Mapping[str, str]) -> Iterator[bytes]:
        with connect(self._conninfo, NAME) as conn:
            yield from table(conn, wanted, names)

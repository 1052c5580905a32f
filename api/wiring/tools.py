"""The operator's tools: they work beside a running server, or on a stopped HOME."""

from adapters.event_store.reading import read
from api.home import Home
from api.settings import Settings
from api.wiring.database import database
from api.wiring.upgrade import upgrade
from projections.catalogue import PROJECTIONS
from projections.engine.check import check
from projections.engine.rebuild import rebuild


def migrate_database(settings: Settings) -> None:
    with database(settings, Home(settings.home), empty=True) as conninfo:
        upgrade(conninfo)


def projections_check(settings: Settings) -> int:
    with database(settings, Home(settings.home)) as conninfo:
        report = check(conninfo, read, PROJECTIONS)
    for table in report.tables:
        print(table)
    print(f"replayed {report.position} facts: " + ("every read model is what the log says" if report.ok else "NOT what the log says"))
    return 0 if report.ok else 1


def projections_rebuild(settings: Settings, names: list[str]) -> int:
    with database(settings, Home(settings.home)) as conninfo:
        done = rebuild(conninfo, read, PROJECTIONS, names or None)
    print(f"rebuilt {', '.join(done.projections)} from {done.position} facts; {done.quarantined} put aside")
    return 0

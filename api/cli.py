"""The program `tiangong` (contract §5)."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from api import settings as configuration
from api.settings import Settings
from api.wiring import server, tools
from api.wiring.errors import EXPECTED

ROLES = {"up": ("api", "worker", "projector"), "api": ("api",), "worker": ("worker",), "projector": ("projector",)}
HELP = {
    "up": "everything in one process", "api": "the HTTP doors alone", "worker": "processes, timers and tasks alone", "projector": "read models alone",
}


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for noisy in ("asyncssh", "httpx", "aiosmtplib"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        return int(arguments.run(arguments) or 0)
    except EXPECTED as error:
        print(f"tiangong: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def settings_of(arguments: argparse.Namespace) -> Settings:
    flags = {name: getattr(arguments, name, None) for name in ("home", "host", "port", "database_url", "public_url")}
    return configuration.load(flags)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="tiangong", description="Tiangong Deploy: an event-sourced continuous-delivery control plane")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, roles in ROLES.items():
        add_role(commands.add_parser(name, help=HELP[name]), roles)
    place(commands.add_parser("migrate", help="create or alter tables")).set_defaults(run=lambda a: tools.migrate_database(settings_of(a)))
    add_token(commands.add_parser("token", help="tokens of users"))
    add_audit(commands.add_parser("audit", help="the log as a file"))
    add_projections(commands.add_parser("projections", help="read models against the log"))
    return top


def place(p: argparse.ArgumentParser) -> argparse.ArgumentParser:
    p.add_argument("--home", metavar="DIR", help="the folder that holds everything (TIANGONG_HOME)")
    p.add_argument("--database-url", metavar="URL", help="another PostgreSQL than the embedded one (TIANGONG_DATABASE_URL)")
    return p


def add_role(p: argparse.ArgumentParser, roles: tuple[str, ...]) -> None:
    place(p)
    p.add_argument("--host", help="address to listen on (127.0.0.1)")
    p.add_argument("--port", type=int, help="port to listen on (8080; 0 takes a free one)")
    p.add_argument("--public-url", metavar="URL", help="how others reach this server")
    p.set_defaults(run=lambda a: server.run(settings_of(a), roles))


def add_token(p: argparse.ArgumentParser) -> None:
    create = place(p.add_subparsers(required=True, metavar="COMMAND").add_parser("create", help="make a token and print it, alone"))
    create.add_argument("--user", required=True, metavar="NAME")
    create.add_argument("--days", type=positive, metavar="N", help="how long it is good for (for ever)")
    create.set_defaults(run=lambda a: server.create_token(settings_of(a), a.user, a.days))


def add_audit(p: argparse.ArgumentParser) -> None:
    commands = p.add_subparsers(required=True, metavar="COMMAND")
    export = place(commands.add_parser("export", help="write the log as JSON lines"))
    export.add_argument("--from", dest="first", type=positive, default=1, metavar="P", help="first position")
    export.add_argument("--to", dest="last", type=positive, metavar="P", help="last position")
    export.add_argument("--out", type=Path, metavar="F", help="a file (standard output)")
    export.set_defaults(run=lambda a: tools.audit_export(settings_of(a), a.first, a.last, a.out))
    verify = commands.add_parser("verify", help="check an exported file, without a database")
    verify.add_argument("file", type=Path, metavar="F")
    verify.set_defaults(run=lambda a: tools.audit_verify(a.file))


def add_projections(p: argparse.ArgumentParser) -> None:
    commands = p.add_subparsers(required=True, metavar="COMMAND")
    check = place(commands.add_parser("check", help="replay the log and compare"))
    check.set_defaults(run=lambda a: tools.projections_check(settings_of(a)))
    rebuild = place(commands.add_parser("rebuild", help="make read models anew from the log"))
    rebuild.add_argument("names", nargs="*", metavar="NAME")
    rebuild.set_defaults(run=lambda a: tools.projections_rebuild(settings_of(a), a.names))


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a number from 1 on")
    return number


if __name__ == "__main__":
    sys.exit(main())

"""The program `tiangong` (contract §5)."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

from api import settings as configuration
from api.output import log_to_stderr
from api.settings import Settings
from api.wiring import audit, tools
from api.wiring.errors import EXPECTED
from application.ports.audit import FILTERS, Wanted

ROLES = {"up": ("api", "worker", "projector"), "api": ("api",), "worker": ("worker",), "projector": ("projector",)}
HELP = {
    "up": "everything", "api": "the HTTP doors alone", "worker": "processes, timers and tasks alone", "projector": "read models alone",
}


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    log_to_stderr()
    try:
        return int(arguments.run(arguments) or 0)
    except EXPECTED as error:
        print(f"tiangong: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def whole(name: str) -> Any:
    """A module of the wiring that needs all of the house: seven tenths of a second, which a tool for the log does without."""
    return importlib.import_module(f"api.wiring.{name}")


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
    add_users(commands.add_parser("users", help="people in the log"))
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
    p.set_defaults(run=lambda a: run(settings_of(a), roles))


def run(settings: Settings, roles: tuple[str, ...]) -> None:
    """With all roles the projector has a process of its own, which loads itself while we load the rest of the house."""
    apart = len(roles) > 1
    with whole("projecting").in_own_process(settings.home) if apart else nullcontext() as projector:
        whole("server").run(settings, roles, projector)


def add_token(p: argparse.ArgumentParser) -> None:
    create = place(p.add_subparsers(required=True, metavar="COMMAND").add_parser("create", help="make a token and print it, alone"))
    create.add_argument("--user", required=True, metavar="NAME")
    create.add_argument("--days", type=positive, metavar="N", help="how long it is good for (for ever)")
    create.set_defaults(run=lambda a: whole("server").create_token(settings_of(a), a.user, a.days))


def add_users(p: argparse.ArgumentParser) -> None:
    forget = place(p.add_subparsers(required=True, metavar="COMMAND").add_parser("forget", help="destroy the key to somebody's name and address"))
    forget.add_argument("who", metavar="USER", help="id or name of a user, or a mail address that messages were sent to")
    forget.set_defaults(run=lambda a: whole("persons").forget_user(settings_of(a), a.who))


def add_audit(p: argparse.ArgumentParser) -> None:
    commands = p.add_subparsers(required=True, metavar="COMMAND")
    add_export(place(commands.add_parser("export", help="write the log as signed JSON lines, or as a table")))
    verify = commands.add_parser("verify", help="check an exported file, without a database")
    verify.add_argument("file", type=Path, metavar="F")
    trusted(verify)
    verify.add_argument("--checkpoints", type=Path, metavar="F", help="checkpoints that were kept outside (`tiangong audit checkpoints`)")
    verify.set_defaults(run=lambda a: audit.audit_verify(a.file, a.keys, a.checkpoints))
    key = place(commands.add_parser("key", help="print the public key that checkpoints and exports are signed with"))
    key.add_argument("--pem", action="store_true", help="as PEM")
    key.set_defaults(run=lambda a: audit.audit_key(settings_of(a), a.pem))
    checkpoints = trusted(place(commands.add_parser("checkpoints", help="compare every checkpoint with the log, and print it")))
    checkpoints.set_defaults(run=lambda a: audit.audit_checkpoints(settings_of(a), a.keys))


def trusted(p: argparse.ArgumentParser) -> argparse.ArgumentParser:
    p.add_argument("--key", dest="keys", action="append", default=[], metavar="PUBLICKEY",
                   help="what must have signed: hex, or a file with hex or PEM; may be given again")
    return p


def add_export(p: argparse.ArgumentParser) -> None:
    p.add_argument("--from", dest="start", type=moment, metavar="P", help="first position, or a time (2026-01-31T14:03:00Z)")
    p.add_argument("--to", dest="end", type=moment, metavar="P", help="last position, or a time")
    for name in FILTERS:
        p.add_argument(f"--{name.replace('_', '-')}", help="only these; of the others the digests stay")
    p.add_argument("--format", choices=("jsonl", "csv"), default="jsonl", help="csv is for reading, not for verifying")
    p.add_argument("--out", type=Path, metavar="F", help="a file (standard output)")
    p.set_defaults(run=lambda a: audit.audit_export(
        settings_of(a), Wanted(a.start, a.end, a.user_id, a.action, a.resource, a.resource_id), a.format, a.out))


def add_projections(p: argparse.ArgumentParser) -> None:
    commands = p.add_subparsers(required=True, metavar="COMMAND")
    check = place(commands.add_parser("check", help="replay the log and compare"))
    check.set_defaults(run=lambda a: tools.projections_check(settings_of(a)))
    rebuild = place(commands.add_parser("rebuild", help="make read models anew from the log"))
    rebuild.add_argument("names", nargs="*", metavar="NAME")
    rebuild.set_defaults(run=lambda a: tools.projections_rebuild(settings_of(a), a.names))


def moment(text: str) -> int | datetime:
    if text.isdecimal():
        return positive(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("a position from 1 on, or a time like 2026-01-31T14:03:00Z") from None
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError("a time with its zone, like 2026-01-31T14:03:00Z or …+01:00")
    return found


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a number from 1 on")
    return number


if __name__ == "__main__":
    sys.exit(main())

"""What a physical environment's configuration says, read and checked before anybody is talked to."""

import re
from dataclasses import dataclass

from adapters.deployers.ssh.credentials import HostKeys, PrivateKey, host_keys, private_key
from application.ports.executor import Terminal
from domain.event import Json
from domain.task.values import Target

NEEDED = ("hosts", "ssh_key", "deploy_path")
ADDRESS = re.compile(r"(?:(?P<user>[^@\s]+)@)?(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<name>[^@:\s\[\]]+))(?::(?P<port>\d{1,5}))?")


@dataclass(frozen=True)
class Host:
    """One machine; `name` is its entry in `hosts` without the user."""

    user: str
    address: str
    port: int

    @property
    def name(self) -> str:
        address = f"[{self.address}]" if ":" in self.address else self.address
        return address if self.port == 22 else f"{address}:{self.port}"


@dataclass(frozen=True)
class Settings:
    hosts: tuple[Host, ...]
    key: PrivateKey
    known: HostKeys
    deploy_path: str
    service: str = ""
    restart: str = ""
    keep: int = 5


def missing(target: Target) -> tuple[str, ...]:
    """The settings that a deployment needs and this target lacks. (Without `known_hosts` it stops at the first host key.)"""
    return tuple(name for name in NEEDED if not target.config.get(name))


def read(target: Target, secrets: dict[str, str]) -> Settings:
    """Raises Terminal, with what is wrong, and never with a secret in it."""
    config = target.config
    if lacking := missing(target):
        raise Terminal(f"environment {target.name} lacks {', '.join(lacking)}")
    return Settings(
        hosts=hosts(config),
        key=private_key(secrets.get("environment.ssh_key", "")),
        known=host_keys(text(config, "known_hosts")),
        deploy_path=deploy_path(config),
        service=service(config),
        restart=text(config, "restart_command"),
        keep=keep(config),
    )


def hosts(config: Json) -> tuple[Host, ...]:
    given = config.get("hosts")
    entries = [entry.strip() for entry in given.split(",")] if isinstance(given, str) else given
    if not isinstance(entries, list | tuple) or not entries:
        raise Terminal("hosts must be a list of [user@]address[:port]")
    user = text(config, "ssh_user") or "root"
    found = tuple(host(entry, user) for entry in entries)
    if doubles := {one.name for one in found if sum((one.address, one.port) == (o.address, o.port) for o in found) > 1}:
        raise Terminal(f"hosts names {', '.join(sorted(doubles))} twice")
    return found


def host(entry: object, user: str) -> Host:
    match = ADDRESS.fullmatch(entry) if isinstance(entry, str) else None
    port = int(match["port"] or 22) if match else 0
    if match is None or not 0 < port < 65536 or entry == "":
        raise Terminal(f"{entry!r} is not a host: write [user@]address[:port], an IPv6 address in brackets")
    return Host(match["user"] or user, match["v6"] or match["name"], port)


def deploy_path(config: Json) -> str:
    path = text(config, "deploy_path").rstrip("/")
    if not path.startswith("/") or any(ord(c) < 32 for c in path) or ".." in path.split("/"):
        raise Terminal(f"deploy_path must be an absolute path, not {config.get('deploy_path')!r}")
    return path


def service(config: Json) -> str:
    name = text(config, "service_name")
    if name.startswith("-") or any(ord(c) < 32 for c in name):
        raise Terminal(f"service_name {name!r} cannot be a service's name")
    return name


def keep(config: Json) -> int:
    value = config.get("keep_releases", 5)
    if isinstance(value, bool) or not re.fullmatch(r"[1-9]\d{0,3}", str(value)):
        raise Terminal(f"keep_releases must be a whole number from 1, not {value!r}")
    return int(str(value))


def text(config: Json, name: str) -> str:
    value = config.get(name, "")
    if value is None:
        return ""
    if isinstance(value, list) and name == "known_hosts":
        value = "\n".join(map(str, value))
    if not isinstance(value, str) or "\0" in value:
        raise Terminal(f"{name} must be a text")
    return value

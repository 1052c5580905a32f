"""How an environment's hosts are: the answer to `POST …/health-check` and the list of services."""

from dataclasses import dataclass

from adapters.deployers.ssh.connection import LOST, Patience, Refused, answer_within, connect, reason, shown_key
from adapters.deployers.ssh.credentials import HostKeys, known_hosts_line, pinned
from adapters.deployers.ssh.remote import Report, run
from adapters.deployers.ssh.settings import Host, Settings
from application.ports.deployer import Check, Health, HostKey, ServiceStatus
from application.ports.executor import Terminal, Transient


@dataclass(frozen=True)
class Seen:
    """One host as it was found; `status` is None where we could not or may not look inside."""

    host: Host
    key: HostKey | None
    problem: str
    status: Report | None


async def offered_key(host: Host, known: HostKeys, patience: Patience) -> HostKey | None:
    """The key that the host shows, pinned or not; none if it does not answer. It offers a key of the pinned kind if it has one."""
    wanted, _ = pinned(known, host.address, host.port)
    kinds = [algorithm.decode() for key in wanted for algorithm in key.sig_algorithms]
    key = (await shown_key(host, patience, kinds) if kinds else None) or await shown_key(host, patience)
    if key is None:
        return None
    return HostKey(host.name, key.get_fingerprint(), known_hosts_line(host.address, host.port, key), key in wanted)


async def look(settings: Settings, host: Host, patience: Patience) -> Seen:
    key = await offered_key(host, settings.known, patience)
    try:
        async with connect(settings, host, patience) as link, answer_within(host.name, patience):
            return Seen(host, key, "", await run(link, ("status",), values(settings)))
    except (Terminal, Transient, Refused) as error:
        return Seen(host, key, str(error).removeprefix(f"{host.name}: "), None)
    except LOST as error:
        return Seen(host, key, reason(error), None)


def values(settings: Settings) -> dict[str, str]:
    return {"DEPLOY_PATH": settings.deploy_path, "KEY": "-", "SERVICE": settings.service}


def health(seen: list[Seen]) -> Health:
    checks = tuple(check for one in seen for check in checks_of(one))
    bad = [check for check in checks if check.status != "ok"]
    message = "; ".join(f"{check.name}: {check.message}" for check in bad) if bad else f"{len(seen)} of {len(seen)} hosts are well"
    return Health(not bad, message, checks, tuple(one.key for one in seen if one.key))


def checks_of(one: Seen) -> list[Check]:
    name = one.host.name
    if one.status is None:
        return [Check(f"ssh {name}", "failed", one.problem)]
    missing, writable = one.status.get("missing").strip(), one.status.get("writable") == "yes"
    return [
        Check(f"ssh {name}", "ok", f"logged in as {one.host.user}"),
        Check(f"programs {name}", "failed" if missing else "ok", f"missing: {missing}" if missing else "all there"),
        Check(f"deploy_path {name}", "ok" if writable else "failed", f"{one.status.get('folder')} {'can' if writable else 'cannot'} be written"),
    ]


def service_of(one: Seen, settings: Settings) -> ServiceStatus:
    if one.status is None:
        return ServiceStatus(one.host.name, False, f"cannot be seen: {one.problem}")
    current = one.status.get("current").removeprefix("releases/")
    state = one.status.get("service")
    pid = one.status.get("pid")
    return ServiceStatus(
        host=one.host.name,
        running=state == "active" if settings.service else bool(current),
        status=", ".join(filter(None, (f"release {current}" if current else "no release", f"service {state}" if state else ""))),
        pid=int(pid) if pid.isdigit() else None,
        uptime=one.status.get("uptime"),
    )

"""What is known of one host, and of all of them together."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from adapters.deployers.ssh.connection import Refused
from adapters.deployers.ssh.order import Order
from adapters.deployers.ssh.remote import Report
from application.ports.executor import Aborted, Outcome, Transient

State = Literal["absent", "running", "succeeded", "failed", "interrupted"]


@dataclass(frozen=True)
class HostOutcome:
    host: str
    state: State
    error: str = ""
    result: dict[str, object] = field(default_factory=dict)


def of_report(host: str, report: Report, order: Order) -> HostOutcome:
    """A job as its host reports it. A start without an end is settled by looking: is this release current?"""
    current = report.get("current").removeprefix("releases/")
    result: dict[str, object] = {"current": current, "switched": report.get("end.switched") == "yes" or current == order.release}
    if report.get("service"):
        result["service"] = report.get("service")
    match report.get("state"):
        case "absent":
            return HostOutcome(host, "absent", "", result)
        case "running":
            return HostOutcome(host, "running", "", result)
        case "ended":
            return ended(host, report, result)
        case _:
            return HostOutcome(host, "interrupted", lost_end(current, order, report), result)


def ended(host: str, report: Report, result: dict[str, object]) -> HostOutcome:
    result |= {"exit_code": int(report.get("end.rc") or -1), "ended_at": report.get("end.at"), "previous": report.get("end.previous")}
    if report.get("end.outcome") == "succeeded":
        return HostOutcome(host, "succeeded", "", result)
    if report.get("end.outcome") == "aborted":
        result["aborted"] = True
    return HostOutcome(host, "failed", report.get("end.error") or "it failed without a word", result)


def lost_end(current: str, order: Order, report: Report) -> str:
    found = "the release is current" if current == order.release else f"current is {current or 'nothing'}, not this release"
    service = f"; the service is {report.get('service')}" if report.get("service") else ""
    return f"the job on the host was killed before its end: {found}{service}"


def of_error(host: str, error: Exception) -> HostOutcome:
    """A host that refused while others had begun."""
    return HostOutcome(host, "failed", str(error).removeprefix(f"{host}: "), {})


def combine(order: Order, found: Iterable[HostOutcome | BaseException], names: Iterable[str]) -> Outcome:
    """All hosts as one. Raises Transient while a host is out of sight: the others' outcomes are looked at again then."""
    seen: list[HostOutcome] = []
    lost: list[Transient] = []
    for name, item in zip(names, found, strict=True):
        match item:
            case HostOutcome():
                seen.append(item)
            case Refused():
                seen.append(of_error(name, item))
            case Transient():
                lost.append(item)
            case _:
                raise item
    if lost:
        others = "".join(f"; {host.host}: {host.state}" for host in seen)
        raise Transient("; ".join(map(str, lost)) + others, retry_after=max(error.retry_after for error in lost))
    return together(order, seen)


def together(order: Order, hosts: list[HostOutcome]) -> Outcome:
    states = {host.state for host in hosts}
    result: dict[str, object] = {
        "release": order.receipt.job.release,
        "hosts": {host.host: {"state": host.state, "error": host.error, **host.result} for host in hosts},
    }
    bad = "; ".join(f"{host.host}: {host.error}" for host in hosts if host.error)
    if "running" in states:
        return Outcome("running", "", result)
    if "interrupted" in states or ("absent" in states and len(states) > 1):
        never = "".join(f"; {host.host}: never begun" for host in hosts if host.state == "absent")
        return Outcome("interrupted", (bad + never).removeprefix("; "), result)
    if "failed" in states:
        return Outcome("failed", bad, result)
    return Outcome("absent", "", result) if states == {"absent"} else Outcome("succeeded", "", result)


def stopped(found: HostOutcome, note: str) -> Aborted:
    """What an abort did on one host, in words. `note` is the script's own word, or nothing where it did nothing."""
    switched = bool(found.result.get("switched"))
    current = ", the release is current" if switched else ""
    words = {
        "never": "had not begun, and cannot begin any more",
        "stopped": "stopped before the switch: the former release stays current",
        "ended": f"had ended already: {found.state}{current}",
        "immortal": "could not be stopped: its processes do not end",
    }
    if note in words:
        return Aborted(note != "immortal", f"{found.host}: {words[note]}")
    if found.state == "running":
        return Aborted(False, f"{found.host}: too late, it {'has switched' if switched else 'is switching'} to the release; the restart goes on")
    return Aborted(True, f"{found.host}: nothing runs any more: {found.state}{current}")

"""The server that runs already, if one does: found, waited for while it starts, or cleared away when nobody can reach it."""

from pathlib import Path

from adapters.embedded_postgres.deadline import Deadline
from adapters.embedded_postgres.identity import Identity
from adapters.embedded_postgres.layout import Layout
from adapters.embedded_postgres.locks import FileLock
from adapters.embedded_postgres.lost import Lost
from adapters.embedded_postgres.presence import Presence, look
from adapters.embedded_postgres.probe import Answer, give_up, probe
from adapters.embedded_postgres.sockets import require_private


def find_running(layout: Layout, identity: Identity, deadline: Deadline) -> Path | None:
    """The folder of its socket. None once no process of any server is left on the cluster. The caller holds the gate."""
    lock, lost = FileLock(layout.server_lock), Lost()
    try:
        while not empty(lock, there := look(layout)):
            answer = _ask(there, layout.cluster, identity)
            if answer.ready:
                return there.socket
            lost.end(there)
            give_up(layout, answer, deadline)
            deadline.pause()
    finally:
        lock.close()
    return None


def empty(lock: FileLock, there: Presence) -> bool:
    """No process of a server lives: the kernel says so twice. (A server that was started by hand does not hold the lock.)"""
    return lock.try_alone() and not there.processes


def _ask(there: Presence, cluster: Path, identity: Identity) -> Answer:
    if there.socket is None:
        return Answer("it has no socket yet" if there.postmaster else "it has no postmaster")
    require_private(there.socket, identity.uid)
    return probe(there.socket, cluster)

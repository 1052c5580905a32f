"""A port that stays ours while its server is away: not one of those that the kernel gives to outgoing connections."""

import random
import socket
from pathlib import Path

LOWEST, TRIES = 20000, 200
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """Nobody listens there now."""
    first_given_away = int(RANGE.read_text().split()[0]) if RANGE.exists() else 32768
    for _ in range(TRIES if first_given_away > LOWEST + TRIES else 0):
        port = random.randrange(LOWEST, first_given_away)
        if can_bind(port):
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def can_bind(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True

"""Tiangong's own processes, as an operator starts them."""

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

TOKEN = secrets.token_hex(16)
ROOT = Path(__file__).parent.parent.parent


@contextmanager
def process(role: str, home: Path, conninfo: str, *more: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "api.cli", role, "--home", str(home), "--database-url", conninfo, *more]
    env = {**os.environ, "TIANGONG_ADMIN_TOKEN": TOKEN}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT, env=env) as running:
        try:
            yield running
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(30)


def port_of(running: "subprocess.Popen[str]") -> int:
    """Waits until it is ready."""
    assert running.stdout is not None
    line = next((line for line in running.stdout if line.startswith("ready")), "")
    if not line:
        raise RuntimeError("the server did not start")
    return int(re.split(":", line.strip().rstrip("/"))[-1])


@contextmanager
def started(roles: tuple[str, ...], home: Path, conninfo: str) -> Iterator[int]:
    """One process for each role; the port of the one that answers HTTP, the first."""
    with ExitStack() as stack:
        first, *others = [stack.enter_context(process(role, home, conninfo, *(("--port", "0") if number == 0 else ())))
                          for number, role in enumerate(roles)]
        port = port_of(first)
        time.sleep(1.0)  # the others have nothing to say when they are there
        if any(other.poll() is not None for other in others):
            raise RuntimeError(f"not all of {roles} are running")
        yield port

"""A process that owns a server, for tests that kill it or run it as somebody else.

It prints one line of JSON, {"conninfo", "pid"} or {"error"}, and stops the server at the end of its input.
"""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from adapters.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--deadline", type=float, default=20.0)
    parser.add_argument("--uid", type=int)
    asked = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests that run in the background inherit that it is ignored
    if asked.uid is not None:  # everything is imported: that user need not be able to read the Python installation
        become(asked.uid)
    own(EmbeddedPostgres(asked.data, deadline=asked.deadline))


def become(uid: int) -> None:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.environ.pop("HOME", None)


def own(server: EmbeddedPostgres) -> None:
    try:
        said = {"conninfo": server.start(), "pid": server.pid}
    except EmbeddedPostgresError as error:
        said = {"error": str(error)}
    print(json.dumps(said), flush=True)
    sys.stdin.read()
    if "error" not in said:
        server.stop()


if __name__ == "__main__":
    main()

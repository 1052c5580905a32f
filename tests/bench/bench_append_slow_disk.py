"""The same as bench_append on a disk whose every fdatasync takes 1 ms more, as an ordinary cloud volume: PostgreSQL runs with a small library
before it, made here with the C compiler. Without a compiler nothing is measured, and that is said."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from adapters.embedded_postgres import identity
from tests.bench.appends import appends, compared
from tests.bench.measure import ROUNDS, databases, median, show
from tests.bench.peers import saves

SECONDS, CALLERS = 4.0, 64
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
int fdatasync(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int)) dlsym(RTLD_NEXT, "fdatasync");
    struct timespec more = {0, 1000000};
    nanosleep(&more, 0);
    return real(fd);
}
"""


@contextmanager
def slow_disk(compiler: str) -> Iterator[None]:
    """Every PostgreSQL that is started meanwhile has it."""
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "slow.c", Path(folder) / "slow.so"
        source.write_text(SHIM)
        subprocess.run((compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"), check=True)
        Path(folder).chmod(0o755)
        identity.ENVIRONMENT["LD_PRELOAD"] = str(library)
        try:
            yield
        finally:
            del identity.ENVIRONMENT["LD_PRELOAD"]


def commit_ms(conninfo: str) -> float:
    """Of one row, one after the other."""
    took = []
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute("create table one_row (n int)")
        for n in range(100):
            began = time.perf_counter()
            conn.execute("insert into one_row values (%s)", (n,))
            took.append((time.perf_counter() - began) * 1000)
    return median(took)


def main() -> None:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    what = f"log.append, {CALLERS} callers, fdatasync + 1 ms, commands/s"
    if compiler is None:
        show(what, skipped="there is no C compiler (cc) to make the slow disk with")
        return
    with slow_disk(compiler), databases("ours", "peer", migrated=["ours"]) as at:
        commit = commit_ms(at["peer"])
        if commit < 1.0:
            raise RuntimeError(f"a commit takes {commit:.2f} ms: the disk is not slow")
        appends(at["ours"], CALLERS, 1.0)
        rounds = [(appends(at["ours"], CALLERS, SECONDS), saves(at["peer"], SECONDS)) for _ in range(ROUNDS)]
    ours, peer = zip(*rounds, strict=True)
    show(what, peer="eventsourcing save(), 16 threads", goal=25, commit_ms=round(commit, 2), **compared(ours, peer, SECONDS))


if __name__ == "__main__":
    main()

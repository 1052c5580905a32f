"""Run one command and let nothing of it outlive this process, or whoever started it.

    python -I -S supervise.py GRACE LOCK PRIVATE COMMAND [ARGUMENT…]

Standard input is the life line: when its other end closes, because a stop is wanted or because the server is gone, everything the
command started gets SIGTERM, after GRACE seconds SIGKILL, and the files in the folder PRIVATE (or '') are removed. What a command left
in the background when it ended is killed too, also what called setsid: on Linux this process adopts every orphan below it.
LOCK is a file descriptor (or -1) that is held until then. Exits with the command's code, or 128 + its signal.
Only the standard library's lightest modules: it starts for every command.
"""

import ctypes
import os
import select
import signal
import sys
import time

SET_PDEATHSIG, SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
LINUX = sys.platform == "linux"
POLL = 0.02
unwanted: list[int] = []
"""Signals that asked this process itself to end."""


def prctl(option: int, value: int) -> None:
    if LINUX:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def start(argv: list[str]) -> int:
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        os.setsid()
        prctl(SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        for number in (signal.SIGPIPE, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        prefer_as_victim()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.execvp(argv[0], argv)
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def prefer_as_victim() -> None:
    """When memory runs out, the kernel takes the build before the server."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("500")
    except OSError:
        return  # not this kernel, or not allowed: it was only a preference


def descendants() -> set[int]:
    """The process ids of everything below this process, dead ones that nobody has reaped included."""
    children: dict[int, list[int]] = {}
    try:
        names = os.listdir("/proc")
    except OSError:
        return set()
    for name in filter(str.isdigit, names):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                parent = int(file.read().rpartition(b")")[2].split()[1])
        except (OSError, IndexError):
            continue  # it ended meanwhile
        children.setdefault(parent, []).append(int(name))
    found: set[int] = set()
    look = [os.getpid()]
    while look:
        below = children.get(look.pop(), [])
        found.update(below)
        look.extend(below)
    return found


def send(pids: set[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except OSError:
            continue  # it ended meanwhile


def reap(child: int) -> int | None:
    """Take in who has ended; the command's own wait status once that has. Raises ChildProcessError when nobody is left."""
    status = None
    while True:
        pid, code = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return status
        if pid == child:
            return code


def watch(child: int, wake: int) -> int | None:
    """Wait for the command's end: its status. None when nobody wants it any more."""
    while True:
        status = reap(child)
        if status is not None:
            return status
        ready, _, _ = select.select([0, wake], [], [])
        if 0 in ready or unwanted:
            return None
        os.read(wake, 512)


def terminate(child: int, grace: float) -> None:
    send(descendants() if LINUX else {-child}, signal.SIGTERM)
    until = time.monotonic() + grace
    while time.monotonic() < until:
        reap(child)
        time.sleep(POLL)


def kill(child: int) -> None:
    """Stop all first, so that nobody forks while the others are killed; again until nobody is left."""
    while True:
        seen: set[int] = set() if LINUX else {-child}
        while LINUX and (new := descendants() - seen):
            send(new, signal.SIGSTOP)
            seen |= new
        send(seen, signal.SIGKILL)
        reap(child)
        time.sleep(POLL / 10)


def end(child: int, grace: float) -> None:
    try:
        if grace > 0:
            terminate(child, grace)
        kill(child)
    except ChildProcessError:
        return  # nobody is left


def remove(folder: str) -> None:
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        os.unlink(os.path.join(folder, name))


def main() -> int:
    grace, lock, private, argv = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:]
    if lock >= 0:
        os.set_inheritable(lock, False)
    prctl(SET_CHILD_SUBREAPER, 1)
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: unwanted.append(number))
    child = start(argv)
    status = watch(child, wake)
    if status is None:
        end(child, grace)
        if private:
            remove(private)
        return 128 + signal.SIGTERM
    end(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())

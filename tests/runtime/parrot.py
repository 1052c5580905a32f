"""A process for tests of `Child`: repeats its orders, then does what they say: `stay` until its input ends, `die`, `hang` whatever is said to it."""

import os
import signal
import sys
import threading


def main() -> None:
    orders = sys.stdin.buffer.readline()
    sys.stdout.buffer.write(b"heard " + orders)
    sys.stdout.buffer.flush()
    if orders == b"die\n":
        os.kill(os.getpid(), signal.SIGKILL)
    if orders == b"hang\n":
        threading.Event().wait()
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()

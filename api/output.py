"""What the program says to people: lines on standard error, alike in all of its processes."""

import logging
import sys

FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"
NOISY = ("asyncssh", "httpx", "aiosmtplib")


def log_to_stderr() -> None:
    logging.basicConfig(level=logging.INFO, format=FORM, stream=sys.stderr)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)

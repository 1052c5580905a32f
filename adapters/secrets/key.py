"""Keys of 32 bytes, from the settings or from a file that only the server's user can read: one that secrets are encrypted with, one that
the audit is signed with."""

import hashlib
import os
import re
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

SHORTEST = 16
"""Characters of the setting."""


class KeyUnusable(ValueError):
    """There is something in the key's place that is no key. The message says where, never what."""


def from_setting(text: str, purpose: str = "secrets") -> bytes:
    """A key for each purpose, of any text of 16 characters or more: it is stretched, so that a weak one costs time. Raises KeyUnusable."""
    if len(text) < SHORTEST:
        raise KeyUnusable(f"SECRET_KEY must have at least {SHORTEST} characters")
    return hashlib.scrypt(text.encode(), salt=f"tiangong-deploy {purpose} v1".encode(), n=2**15, r=8, p=1, maxmem=2**26, dklen=32)


def from_home(home: Path, name: str = "secret-key", use: str = "the stored secrets were encrypted") -> bytes:
    """The key kept in `HOME/<name>`, made the first time. Of two starters that come together both get the same. Raises KeyUnusable."""
    path = home / name
    if not path.exists():
        make(path)
    text = path.read_bytes().strip()
    if not re.fullmatch(rb"[0-9a-f]{64}", text):
        raise KeyUnusable(f"{path} does not hold a key: put back the one that {use} with")
    return bytes.fromhex(text.decode())


def make(path: Path) -> None:
    """Written beside and then linked: it stands there complete, or not at all, and never replaces one that stands there."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 0600
    try:
        with open(handle, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # somebody else was faster: theirs counts
            os.link(name, path)
    finally:
        os.unlink(name)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # a key that a power cut takes away takes every secret with it
    finally:
        os.close(folder)

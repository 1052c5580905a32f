"""Ed25519 signatures: who holds the seed signs, who has the public key can tell. Keys and signatures are written in lower-case hex.

Ed25519 is deterministic: the same message under the same key has the same signature.
"""

import re
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

KEY = re.compile(r"[0-9a-f]{64}")
SIGNATURE = re.compile(r"[0-9a-f]{128}")


class Signer:
    """`seed`: 32 secret bytes. `public`: the public key."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw().hex()

    def sign(self, message: bytes) -> str:
        return self._key.sign(message).hex()


def is_signed(public: str, message: bytes, signature: str) -> bool:
    """False also for what is no key or no signature."""
    if not KEY.fullmatch(public) or not SIGNATURE.fullmatch(signature):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):  # ValueError: not a point of the curve
        return False
    return True


def pem(public: str) -> str:
    """The public key as other tools read it."""
    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def public_key(text: str) -> str:
    """A public key as people give it: in hex, as PEM, or the name of a file with one of these. Raises ValueError."""
    text = text.strip()
    if KEY.fullmatch(text.lower()):
        return text.lower()
    if text.startswith("-----BEGIN"):
        key = load_pem_public_key(text.encode())
        if isinstance(key, Ed25519PublicKey):
            return key.public_bytes_raw().hex()
    elif Path(text).is_file():
        return public_key(Path(text).read_text() or "an empty file")
    raise ValueError(f"{text[:80]!r} is no Ed25519 public key: give 64 hex digits or PEM, or a file with one of them")

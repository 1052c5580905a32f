"""The table of people's keys: one row a person, the key wrapped by the server's, or null once the person is forgotten."""

import hashlib
import hmac
import os
from collections.abc import Collection, Iterable
from typing import Any

import psycopg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.event_store.sealing import NONCE, Keys

FIND = "select person, wrapped from log.person_keys where person = any(%s)"
MAKE = "insert into log.person_keys (person, wrapped) select * from unnest(%s::text[], %s::bytea[]) on conflict do nothing"
ANY = "select person, wrapped from log.person_keys where wrapped is not null limit 1"


class WrongKey(ValueError):
    """The server's key is not the one that people's keys are wrapped with. Never taken for a person who is forgotten."""


class ServerKey:
    """What is made of the server's 32 secret bytes: one key that wraps people's keys, and one for the finders."""

    def __init__(self, key: bytes) -> None:
        self._wrapping = AESGCM(hmac.digest(key, b"tiangong-deploy people wrap v1", "sha256"))
        self._finding = hmac.digest(key, b"tiangong-deploy people find v1", "sha256")

    def new(self, person: str) -> bytes:
        """A new key for this person, wrapped."""
        nonce = os.urandom(NONCE)
        return nonce + self._wrapping.encrypt(nonce, AESGCM.generate_key(256), person.encode())

    def unwrap(self, person: str, wrapped: bytes) -> AESGCM:
        try:
            return AESGCM(self._wrapping.decrypt(wrapped[:NONCE], wrapped[NONCE:], person.encode()))
        except (InvalidTag, ValueError):
            raise WrongKey("people's names were encrypted with another key: put back SECRET_KEY (or HOME/people-key, where it is not set), "
                           "the same for every server of this database") from None

    def finder(self, kind: str, value: str) -> bytes:
        """By which a pseudonym is found: says nothing to whoever has not the server's key."""
        return hmac.digest(self._finding, f"{kind}\0{value}".encode(), hashlib.sha256)

    def keys(self, rows: Iterable[tuple[Any, ...]]) -> dict[str, AESGCM]:
        """Of rows (person, wrapped). Raises WrongKey."""
        return {person: self.unwrap(person, wrapped) for person, wrapped in rows if wrapped is not None}


def keys_of(conn: psycopg.Connection[Any], key: ServerKey, people: Collection[str]) -> Keys:
    """The keys of those who are not forgotten. Always asked anew: a key that is kept outlives its person."""
    return key.keys(conn.execute(FIND, (list(people),), binary=True))


def must_fit(conn: psycopg.Connection[Any], key: ServerKey) -> None:
    """Raises WrongKey where this key does not open what is in the table."""
    key.keys(conn.execute(ANY, binary=True))

"""Personal fields in stored JSON: sealed when a fact is stored, opened when it is read. docs/decisions/0009 tells why and what not.

A sealed field is `{"personal": "<whose>", "sealed": "<base64 of nonce and AES-256-GCM ciphertext>"}`, with the stream, the version and
the field's name as associated data: in another place it does not open.
"""

import base64
import os
from collections.abc import Iterable, Mapping

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.event import Event, Json
from domain.personal import FORGOTTEN, MARK, persons, sealed_fields
from domain.registry import EVENTS, UnknownFact, encode

NONCE = 12
PERSONAL = frozenset(topic for topic, cls in EVENTS.items() if cls.PERSONAL)
Keys = Mapping[str, AESGCM]
"""By whose they are. Who is missing is forgotten."""


def sealed(event: Event, keys: Keys) -> bytes:
    """The event's stored bytes. What belongs to a forgotten person is not stored at all."""
    state, found = encode(event), persons(event)
    if not found:
        return state
    fields: Json = msgspec.json.decode(state)
    for field, whose in found.items():
        key = keys.get(whose)
        fields[field] = {"personal": whose, "sealed": encrypted(key, str(fields[field]), place(fields, field))} if key else FORGOTTEN
    return msgspec.json.encode(fields)


def encrypted(key: AESGCM, text: str, where: bytes) -> str:
    nonce = os.urandom(NONCE)
    return base64.b64encode(nonce + key.encrypt(nonce, text.encode(), where)).decode()


def opened(topic: str, state: bytes, keys: Keys | None) -> bytes:
    """The stored bytes with plain text in the personal fields; as they are for a reader without keys. Raises UnknownFact for what was
    tampered with."""
    if keys is None or not (fields := _with_seals(topic, state)):
        return state
    for field, (person, ciphertext) in sealed_fields(fields, EVENTS[topic].PERSONAL).items():
        key = keys.get(person)
        fields[field] = FORGOTTEN if key is None else _decrypted(key, ciphertext, place(fields, field), topic)
    return msgspec.json.encode(fields)


def whose(facts: Iterable[tuple[str, bytes]]) -> set[str]:
    """Whose keys are needed to open these facts (topic, state)."""
    return {person for topic, state in facts if (fields := _with_seals(topic, state))
            for person, _ in sealed_fields(fields, EVENTS[topic].PERSONAL).values()}


def place(fields: Json, field: str) -> bytes:
    return f"{fields['stream']}\0{fields['version']}\0{field}".encode()


def _with_seals(topic: str, state: bytes) -> Json | None:
    """The fields, where some may be sealed."""
    if topic not in PERSONAL or MARK not in state:
        return None
    try:
        return msgspec.json.decode(state, type=Json)
    except (msgspec.DecodeError, UnicodeDecodeError):  # said by whoever decodes it
        return None


def _decrypted(key: AESGCM, ciphertext: str, where: bytes, topic: str) -> str:
    try:
        raw = base64.b64decode(ciphertext, validate=True)
        return key.decrypt(raw[:NONCE], raw[NONCE:], where).decode()
    except (InvalidTag, ValueError) as error:
        raise UnknownFact(f"{topic}: a sealed field does not open: {type(error).__name__}") from error

"""The key we show and the keys we accept. Key material stays in memory; no error repeats it."""

import base64
import binascii

import asyncssh

from application.ports.executor import Terminal

PrivateKey = asyncssh.SSHKey
HostKeys = asyncssh.SSHKnownHosts


def private_key(encoded: str) -> PrivateKey:
    """The key from `ssh_key` (base64 of a private key file; the file's text itself is understood too). Raises Terminal."""
    data = encoded.strip()
    try:
        if not data.startswith("-----BEGIN"):
            data = base64.b64decode("".join(data.split()), validate=True).decode()
        return asyncssh.import_private_key(data)
    except (asyncssh.KeyEncryptionError, asyncssh.KeyImportError, binascii.Error, ValueError) as error:
        if "assphrase" in str(error):
            raise Terminal("ssh_key is protected by a passphrase: give a key without one") from None
        raise Terminal("ssh_key is not a private key in base64 (base64 -w0 < id_ed25519)") from None


def host_keys(lines: str) -> HostKeys:
    """The pinned keys from `known_hosts`. Raises Terminal for lines that are none; nothing pinned is no error here."""
    try:
        return asyncssh.import_known_hosts(lines)
    except ValueError as error:
        raise Terminal(f"known_hosts: {error}") from None


def pinned(known: HostKeys, address: str, port: int) -> tuple[list[asyncssh.SSHKey], list[asyncssh.SSHKey]]:
    """The keys that are accepted from this host, and the authorities whose certificates are."""
    keys, authorities, *_ = known.match(address, "", None if port == 22 else port)
    return list(keys), list(authorities)


def known_hosts_line(address: str, port: int, key: asyncssh.SSHKey) -> str:
    host = address if port == 22 else f"[{address}]:{port}"
    return f"{host} {key.export_public_key('openssh').decode().split(' ', 2)[0]} {key.export_public_key('openssh').decode().split()[1]}"

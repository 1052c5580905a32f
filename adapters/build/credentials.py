"""What git needs to know and nobody else may see: it stands in git's environment and in files of a private folder, never in an
argument list, an address or a log."""

import base64
import binascii
import os
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from adapters.build.addresses import Address

DEFAULT_USER = "x-access-token"
"""The forges look at the token only."""
PASSED_ON = ("PATH", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "ALL_PROXY", "all_proxy",
             "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO")
"""How this machine reaches the outside: git needs that from the server's environment."""
CONFIG = """[core]
\thooksPath = /dev/null
[advice]
\tdetachedHead = false
[gc]
\tauto = 0
[http]
\tlowSpeedLimit = 100
\tlowSpeedTime = 60
[safe]
\tdirectory = *
"""
ASKPASS = """#!/bin/sh
# git asks here. Whoever it is sent to by a redirect gets no answer.
case "$1" in
  "Username for '$TIANGONG_GIT_ORIGIN': ") printf '%s\\n' "$TIANGONG_GIT_USER" ;;
  "Password for '${TIANGONG_GIT_ORIGIN%%://*}://"*"@${TIANGONG_GIT_ORIGIN#*://}': ") printf '%s\\n' "$TIANGONG_GIT_TOKEN" ;;
  *) exit 1 ;;
esac
"""


@dataclass(frozen=True)
class Credentials:
    user: str = ""
    token: str = field(default="", repr=False)
    ssh_key: str = field(default="", repr=False)


def environment(address: Address, credentials: Credentials, private: Path, known_hosts: Path) -> dict[str, str]:
    """git's environment. `private`: an empty folder for its files. `known_hosts`: SSH hosts seen before; a new one is remembered there,
    a changed key stops git. (What a new host can do is little: the commit's id pins the content.)"""
    config = write(private / "gitconfig", CONFIG)
    env = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {
        "HOME": str(private), "LANG": "C.UTF-8", "GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": address.protocols,
        "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": str(config),
    }
    if credentials.token and address.origin:
        env |= {
            "GIT_ASKPASS": str(write(private / "askpass", ASKPASS, 0o700)), "TIANGONG_GIT_ORIGIN": address.origin,
            "TIANGONG_GIT_USER": credentials.user or DEFAULT_USER, "TIANGONG_GIT_TOKEN": credentials.token,
        }
    if address.protocol == "ssh":
        env |= {"GIT_SSH_VARIANT": "ssh", "GIT_SSH_COMMAND": shlex.join(ssh(credentials.ssh_key, private, known_hosts))}
    return env


def ssh(key: str, private: Path, known_hosts: Path) -> list[str]:
    options = ("BatchMode=yes", "IdentitiesOnly=yes", "IdentityAgent=none", "StrictHostKeyChecking=accept-new",
               f"UserKnownHostsFile={quoted(known_hosts)}", "ConnectTimeout=15", "ServerAliveInterval=15", "ServerAliveCountMax=3")
    identity = quoted(write(private / "ssh_key", decoded(key))) if key else "none"
    return ["ssh", "-F", "/dev/null", "-o", f"IdentityFile={identity}", *(word for option in options for word in ("-o", option))]


def quoted(path: Path) -> str:
    """As ssh's options want a path: it cuts at spaces and replaces what follows a `%`."""
    return '"' + str(path).replace("%", "%%") + '"'


def decoded(key: str) -> str:
    """A private key comes as its PEM text or as base64 of that."""
    if key.lstrip().startswith("-----BEGIN"):
        text = key
    else:
        try:
            text = base64.b64decode(key, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            text = key  # ssh will say what is wrong with it
    return text.rstrip() + "\n"


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    """A new file that only its owner can read, from its first moment on."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
    return path

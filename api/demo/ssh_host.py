"""An SSH host for machines without sshd: `python -m api.demo.ssh_host --root DIR [--port 0] [--env NAME=VALUE]...`.

It listens on 127.0.0.1 alone and lets in whoever has the key in DIR, as the user it runs as. A command is a real process
(`sh -c`) in DIR/home; what a command leaves behind in a session of its own outlives the connection, and this server.
Prints one JSON line when it is ready: `{"port", "host_key", "client_key_path", "home"}`. SIGTERM ends it.
"""

import argparse
import asyncio
import getpass
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import asyncssh

CHUNK = 1 << 16
PIPE = asyncio.subprocess.PIPE


class OnlyMe(asyncssh.SSHServer):
    """One user by one public key; nothing else is offered."""

    def __init__(self, key: asyncssh.SSHKey) -> None:
        self._key = key.convert_to_public()

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == me() and key == self._key


def me() -> str:
    """The user this runs as; a user id without a name (in a container) gets one, for asyncssh does not do without."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        os.environ["LOGNAME"] = "user"
        return "user"


def key_pair(path: Path) -> asyncssh.SSHKey:
    """The private key at `path`, made on the first call; its public half beside it."""
    if not path.exists():
        key = asyncssh.generate_private_key("ssh-ed25519")
        path.touch(mode=0o600)
        path.write_bytes(key.export_private_key())
        path.with_name(f"{path.name}.pub").write_bytes(key.export_public_key())
    return asyncssh.read_private_key(path)


async def session(process: asyncssh.SSHServerProcess[bytes], home: Path, environment: Mapping[str, str]) -> None:
    """Run the client's command; standard streams are pipes, as sshd gives them."""
    if process.command is None:
        process.stderr.write(b"this host runs commands, not shells\n")
        process.exit(1)
        return
    (out, stdout), (errors, stderr) = os.pipe(), os.pipe()
    child = await asyncio.create_subprocess_exec(
        "sh", "-c", process.command, cwd=home, env=dict(environment), stdin=PIPE, stdout=stdout, stderr=stderr, start_new_session=True
    )
    os.close(stdout)
    os.close(stderr)
    assert child.stdin is not None
    feeding = asyncio.create_task(feed(process.stdin, child.stdin))
    try:
        await asyncio.gather(pass_on(out, process.stdout), pass_on(errors, process.stderr))
        status = await child.wait()
        process.exit(status if status >= 0 else 128 - status)
    except (asyncssh.Error, OSError):
        process.close()  # the client has gone
    finally:
        feeding.cancel()


async def feed(client: asyncssh.SSHReader[bytes], stdin: asyncio.StreamWriter) -> None:
    """Everything the client sends. (asyncssh's own `redirect` loses the last packets of a fast client.)"""
    try:
        while chunk := await client.read(CHUNK):
            stdin.write(chunk)
            await stdin.drain()
    except (asyncssh.Error, OSError):
        return  # the child does not read any more, or the client has gone
    finally:
        stdin.close()


async def pass_on(pipe: int, client: asyncssh.SSHWriter[bytes]) -> None:
    """Everything the child prints; a child whose client has gone finds its pipe closed."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb", 0))
    try:
        while chunk := await reader.read(CHUNK):
            client.write(chunk)
            await client.drain()
    finally:
        transport.close()


async def serve(root: Path, port: int, environment: Mapping[str, str]) -> None:
    home = root / "home"
    home.mkdir(parents=True, exist_ok=True)
    host_key, client_key = key_pair(root / "host_key"), key_pair(root / "client_key")

    async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
        await session(process, home, environment)

    listener = await asyncssh.listen(
        "127.0.0.1",
        port,
        config=None,
        server_factory=lambda: OnlyMe(client_key),
        server_host_keys=[host_key],
        process_factory=run,
        encoding=None,
    )
    print(json.dumps(announcement(root, listener.get_port(), host_key)), flush=True)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await stop.wait()
    listener.close()
    await listener.wait_closed()


def announcement(root: Path, port: int, host_key: asyncssh.SSHKey) -> dict[str, object]:
    public = " ".join(host_key.export_public_key().decode().split()[:2])
    return {"port": port, "host_key": f"[127.0.0.1]:{port} {public}", "client_key_path": str(root / "client_key"), "home": str(root / "home")}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m api.demo.ssh_host", description="An SSH host on 127.0.0.1")
    parser.add_argument("--root", type=Path, required=True, help="where keys and the home folder are kept")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="for the commands, beside PATH, HOME and USER")
    given = parser.parse_args()
    root = given.root.resolve()
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(root / "home"), "USER": me()}
    environment |= dict(pair.split("=", 1) for pair in given.env)
    asyncio.run(serve(root, given.port, environment))


if __name__ == "__main__":
    main()

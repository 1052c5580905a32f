"""The scripts of this folder, run on a host: what they are given, and what they report."""

import asyncio
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from adapters.deployers.ssh.connection import CHUNK, Link, Lost, Refused
from adapters.deployers.ssh.quoting import assignments, quote

HERE = Path(__file__).parent
SHELL = "exec sh -s"
HELLO = "printf 'tiangong %s\\n' \"$NONCE\"\n"
REFUSALS = (9, 126, 127)  # our scripts' own word, and a host without a shell: nothing was begun
MOST_SAID = 1 << 16
Output = Callable[[bytes], None]


@dataclass(frozen=True)
class Report:
    """What a script reported: `name=value` lines, and the words of the host before it."""

    values: dict[str, str]

    def get(self, name: str) -> str:
        return self.values.get(name, "")


def text(*names: str) -> str:
    return "".join((HERE / f"{name}.sh").read_text() for name in names)


async def run(link: Link, names: tuple[str, ...], values: Mapping[str, str], output: Output | None = None) -> Report:
    """Run the scripts `names`, one after the other, as one. `output` gets what they print, as it comes.
    Raises Refused with the host's words, or Lost."""
    nonce = uuid.uuid4().hex
    script = assignments({"NONCE": nonce, **values}) + HELLO + text("common", *names)
    async with link.process(SHELL) as process:
        process.stdin.write(script.encode(errors="surrogateescape"))
        process.stdin.write_eof()
        said, _ = await asyncio.gather(listen(process.stderr), pass_on(process.stdout, nonce, output))
        await process.wait_closed()
    return report(link, process.exit_status, said, nonce)


async def listen(stderr: asyncssh.SSHReader[bytes]) -> bytes:
    """What was said last, up to MOST_SAID bytes."""
    said = b""
    while chunk := await stderr.read(CHUNK):
        said = (said + chunk)[-MOST_SAID:]
    return said


async def pass_on(stdout: asyncssh.SSHReader[bytes], nonce: str, output: Output | None) -> None:
    """Everything after our own first line: what the user's login script prints before it is not ours."""
    mark, held, begun = f"tiangong {nonce}\n".encode(), b"", b""
    while chunk := await stdout.read(CHUNK):
        if not begun:
            held, begun, chunk = (held + chunk).partition(mark)
        if begun and chunk and output is not None:
            output(chunk)


def report(link: Link, status: int | None, said: bytes, nonce: str) -> Report:
    before, mark, after = said.decode(errors="replace").partition(f"--- {nonce}\n")
    if status is None:
        raise Lost(f"{link.name}: the connection was lost")
    words = "; ".join(line for line in before.splitlines() if line.strip(" ."))[-500:]
    if status in REFUSALS:
        raise Refused(f"{link.name}: {words or f'the script ended with {status}'}")
    if not mark:
        raise Lost(f"{link.name}: the script ended with {status} and no report: {words or 'no word'}")
    return Report(dict(line.split("=", 1) for line in after.splitlines() if "=" in line))


async def upload(link: Link, source: Path, part: str, done: Callable[[bytes], None]) -> str:
    """Write the file to `part` on the host; return the SHA-256 (hex) of what arrived there. `done` sees each chunk that was sent."""
    async with link.process(f"exec sh -c {quote(text('upload').strip())}") as process:
        said = asyncio.ensure_future(asyncio.gather(process.stdout.read(), listen(process.stderr)))
        try:
            await send(process, source, part, done)
            heard, errors = await said
        except BrokenPipeError:
            heard, errors = await said  # it stopped listening: its words say why
        finally:
            said.cancel()
        await process.wait_closed()
    if process.exit_status is None:
        raise Lost(f"{link.name}: the connection was lost during the upload")
    found = re.findall(rb"^[0-9a-f]{64}", heard, re.MULTILINE)
    if process.exit_status != 0 or not found:
        raise Refused(f"{link.name}: the package could not be written: {errors.decode(errors='replace').strip()[-300:]}")
    return str(found[-1], "ascii")


async def send(process: asyncssh.SSHClientProcess[bytes], source: Path, part: str, done: Callable[[bytes], None]) -> None:
    process.stdin.write(part.encode(errors="surrogateescape") + b"\n")
    with source.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, 4 * CHUNK):
            done(chunk)
            process.stdin.write(chunk)
            await process.stdin.drain()
    process.stdin.write_eof()

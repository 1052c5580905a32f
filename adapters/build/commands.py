"""Commands below a supervisor (see supervise.py): their output line by line as it comes, and no process left when the call is over."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SUPERVISOR = Path(__file__).with_name("supervise.py")
PIECE = 16384
LONGEST_LINE = 16384
"""Bytes."""
FLOOD = 50_000
"""Lines a second above which a command is slowed down, by reading its output later, so that it cannot take the server's time."""
BREATH = 500
"""Lines after which others get their turn."""
PATIENCE = 10.0
"""Seconds beyond the grace that a supervisor gets to end."""


class Survived(Exception):
    """A command was told to stop and could not be seen to end."""


@dataclass(frozen=True)
class Commands:
    """Runs the commands of one job. A cancelled `run` returns when everything the command started is gone, or raises Survived."""

    private: Path
    """A folder whose files (keys) the supervisor removes when the server dies."""
    lock: int = -1
    """The descriptor of the workspace's lock: held as long as anything runs."""
    grace: float = 5.0
    """Seconds between SIGTERM and SIGKILL."""

    async def run(self, argv: Sequence[str], cwd: Path, env: Mapping[str, str], on_line: Callable[[str], None]) -> int:
        """The exit code; 128 + n for a command that signal n ended. Output that is not UTF-8 comes with replacement characters."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", str(SUPERVISOR), str(self.grace), str(self.lock), str(self.private), *argv,
            cwd=cwd, env=dict(env), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            pass_fds=() if self.lock < 0 else (self.lock,), start_new_session=True,
        )
        assert process.stdout is not None
        output = asyncio.create_task(pump(process.stdout, on_line))
        try:
            code = await process.wait()
            await output
        finally:
            await self._end(process, output)
        return code

    async def _end(self, process: asyncio.subprocess.Process, output: asyncio.Task[None]) -> None:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(self.grace + PATIENCE):
                await process.wait()
                await asyncio.wait({output})
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            output.cancel()
            raise Survived(f"the command did not end within {self.grace + PATIENCE:g} s of being told to") from None


async def pump(source: asyncio.StreamReader, on_line: Callable[[str], None]) -> None:
    """Hand over each line, without its end; what is longer than LONGEST_LINE comes in several."""
    rest = b""
    while piece := await source.read(PIECE):
        *lines, rest = (rest + piece).split(b"\n")
        *full, rest = split(rest)
        parts = [part for line in lines for part in split(line.removesuffix(b"\r"))] + full
        for start in range(0, len(parts), BREATH):
            some = parts[start:start + BREATH]
            for part in some:
                on_line(part.decode(errors="replace"))
            await asyncio.sleep(len(some) / FLOOD)
    if rest:
        on_line(rest.decode(errors="replace"))


def split(line: bytes) -> list[bytes]:
    """Cut into parts of at most LONGEST_LINE bytes, never within a UTF-8 character. There is always one part."""
    parts = []
    while len(line) > LONGEST_LINE:
        cut = LONGEST_LINE
        while cut > LONGEST_LINE - 4 and line[cut] & 0xC0 == 0x80:
            cut -= 1
        parts.append(line[:cut])
        line = line[cut:]
    return [*parts, line]


def default_path() -> str:
    return os.environ.get("PATH", os.defpath)

"""A target that outlives processes: a folder. Each key has a start receipt and an end receipt, made once; the work ends when the file
`go` is there. And a worker as a process of its own that deploys to it: `python -m tests.runtime.file_target CONNINFO FOLDER`."""

import asyncio
import sys
from pathlib import Path

from application.ports.executor import Aborted, Outcome, Receipt
from application.ports.logs import TaskLog
from domain.task.values import Target
from tests.runtime.party import TIMES, party


class FileTarget:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def needs(self, target: Target) -> tuple[str, ...]:
        return ()

    async def apply(self, receipt: Receipt, log: TaskLog) -> Outcome:
        if self._once(f"start {receipt.key}"):
            log.line(f"begun by {sys.argv[0]}")
        while not (self._folder / "go").exists():  # noqa: ASYNC110  # another process makes it
            await asyncio.sleep(0.01)
        self._once(f"end {receipt.key}")
        return Outcome("succeeded")

    async def observe(self, receipt: Receipt, log: TaskLog) -> Outcome:
        if not (self._folder / f"start {receipt.key}").exists():
            return Outcome("absent")
        self._once(f"looked {receipt.key}")
        return Outcome("succeeded" if (self._folder / f"end {receipt.key}").exists() else "running")

    async def abort(self, receipt: Receipt, log: TaskLog) -> Aborted:
        return Aborted(False, "it cannot be stopped")

    def _once(self, name: str) -> bool:
        try:
            (self._folder / name).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def receipts(self, kind: str) -> list[str]:
        return sorted(path.name.removeprefix(f"{kind} ") for path in self._folder.glob(f"{kind} *"))


async def main(conninfo: str, folder: str) -> None:
    async with party(conninfo, FileTarget(Path(folder)), f"process {folder}", times=TIMES) as worker:
        worker.work()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))

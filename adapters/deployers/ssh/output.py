"""The output of a job on a host, cut into lines of the task's log."""

from application.ports.logs import TaskLog

LONGEST = 8192


class Lines:
    """Bytes in, lines out. `position`: how far the output was read, in bytes, up to the last whole line.
    `resumable`: with one host the log's offset is that position; several outputs have no common one."""

    def __init__(self, log: TaskLog, prefix: str, position: int, resumable: bool) -> None:
        self._log, self._prefix, self._resumable = log, prefix, resumable
        self.position = position
        self._rest = b""

    def __call__(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line, len(line) + 1)
        while len(self._rest) > LONGEST:
            piece, self._rest = self._rest[:LONGEST], self._rest[LONGEST:]
            self._line(piece, LONGEST)

    def end(self) -> None:
        """The job is over: what stands there without a line's end is a line."""
        if self._rest:
            self._line(self._rest, len(self._rest))
            self._rest = b""

    def _line(self, line: bytes, size: int) -> None:
        self.position += size
        words = line.decode(errors="replace").rstrip("\r").replace("\0", "\ufffd")
        pieces = [words[at : at + LONGEST] for at in range(0, len(words), LONGEST)] or [""]
        for piece in pieces[:-1]:
            self._log.line(f"{self._prefix}{piece}")
        self._log.line(f"{self._prefix}{pieces[-1]}", offset=self.position if self._resumable else None)

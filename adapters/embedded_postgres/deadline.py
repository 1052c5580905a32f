"""An instant after which waiting ends."""

import time

FIRST, LONGEST = 0.02, 0.25  # seconds between two looks: each look may leave a line in the log, so they become rarer


class Deadline:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._step = FIRST

    def left(self) -> float:
        """Seconds, never below zero."""
        return max(0.0, self._end - time.monotonic())

    def passed(self) -> bool:
        return self.left() == 0.0

    def pause(self) -> None:
        """Wait a step before the next look, never past the end."""
        time.sleep(min(self._step, self.left()))
        self._step = min(LONGEST, self._step * 1.1)

"""An instant after which waiting ends."""

import time

STEP = 0.03  # seconds between two looks


class Deadline:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds, never below zero."""
        return max(0.0, self._end - time.monotonic())

    def passed(self) -> bool:
        return self.left() == 0.0

    def pause(self) -> None:
        """Wait a step before the next look, never past the end."""
        time.sleep(min(STEP, self.left()))

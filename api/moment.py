"""`at`: the instant that a question is about."""

from datetime import datetime

DESCRIPTION = """How it was then: a position of the log, or a time with its zone (RFC 3339): then everything that the log had recorded by that time.
Without it: how it is now."""
WRONG = "must be a position of the log, or a time with its zone such as 2026-01-31T14:03:00Z (in an address a + is written %2B)"


def moment(text: object) -> int | datetime:
    """Raises ValueError."""
    given = str(text)
    if given.isascii() and given.isdecimal():
        if len(given) > 18:
            raise ValueError("no log has so many positions")
        return int(given)
    try:
        time = datetime.fromisoformat(given)
    except ValueError:
        raise ValueError(WRONG) from None
    if time.tzinfo is None:
        raise ValueError(WRONG)
    return time

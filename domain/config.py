"""Settings that users give to applications and environments: which keys there are, what is a number, what is a secret.

A secret setting comes in as a plain string, is stored outside the log, and stands in events as `{"secret": "sec_…"}`; answers
show `********`, and the mask that comes back means: keep what is stored.
"""

from collections.abc import Collection

from domain.errors import Invalid
from domain.event import Json

MASK = "********"


def validate(config: Json, keys: Collection[str], numbers: Collection[str], secrets: Collection[str]) -> None:
    """Raise Invalid for a key that does not exist, a number that is none, or a secret that is no string."""
    for key, value in config.items():
        field = f"config.{key}"
        if key not in keys:
            raise Invalid(f"there is no setting {key!r}", field=field, known=sorted(keys))
        if key in numbers and not is_number(value):
            raise Invalid(f"{key} must be a number that is not negative", field=field)
        if key in secrets and not (isinstance(value, str) and value):
            raise Invalid(f"{key} must be a text that is not empty", field=field)
        if is_reference(value):
            raise Invalid(f"{key} looks like a reference to a secret", field=field)


def is_number(value: object) -> bool:
    """A number may also come as a digit string (`"8080"`)."""
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        return value.isascii() and value.isdigit() and len(value) < 10
    return isinstance(value, int | float) and 0 <= value < 1e9


def references(config: Json) -> dict[str, str]:
    """The secret settings: key → reference."""
    return {key: str(value["secret"]) for key, value in config.items() if is_reference(value)}  # type: ignore[index]


def is_reference(value: object) -> bool:
    """`{"secret": "sec_…"}`; an application's own setting may well be called `secret`."""
    return isinstance(value, dict) and set(value) == {"secret"} and str(value["secret"]).startswith("sec_")


def masked(config: Json) -> Json:
    """The config as answers show it."""
    return {key: MASK if is_reference(value) else value for key, value in config.items()}

"""The bodies that the source documents print (`printed/`), and whether an answer has all that is printed: names, types, nulls."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "printed"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
NAMES = {"applicationId": "application_id"}


def request(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())["request"]


def response(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())["response"]


def snake(name: str) -> str:
    """S4 prints camelCase; REST speaks snake_case."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def differences(printed: Any, answered: Any, at: str = "$") -> Iterator[str]:
    """What is printed and not answered, or answered as another type. A field that nobody printed may be there."""
    if isinstance(printed, dict):
        if not isinstance(answered, dict):
            yield f"{at}: {answered!r} is no object"
            return
        for key, value in printed.items():
            if snake(key) not in answered:
                yield f"{at}.{snake(key)} is missing"
            else:
                yield from differences(value, answered[snake(key)], f"{at}.{snake(key)}")
    elif isinstance(printed, list):
        if not isinstance(answered, list) or (printed and not answered):
            yield f"{at}: {answered!r} is no list like the printed one"
            return
        for n, value in enumerate(answered):
            yield from differences(printed[min(n, len(printed) - 1)], value, f"{at}[{n}]") if printed else ()
    elif not alike(printed, answered):
        yield f"{at}: {answered!r}, but {printed!r} is printed"


def alike(printed: Any, answered: Any) -> bool:
    """A printed null stands for a time that has not come; a printed time may be one that has."""
    if printed is None:
        return answered is None or bool(TIME.fullmatch(answered))
    if isinstance(printed, str) and TIME.fullmatch(printed):
        return isinstance(answered, str) and bool(TIME.fullmatch(answered))
    if isinstance(printed, bool) or isinstance(answered, bool):
        return type(printed) is type(answered)
    if isinstance(printed, int | float):
        return isinstance(answered, int | float)
    return type(printed) is type(answered)


def same(name: str, answered: Any) -> None:
    assert list(differences(response(name), answered)) == []

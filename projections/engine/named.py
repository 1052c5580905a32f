"""SQL in files: each statement under its name, `-- name --` on a line of its own."""

import re
from pathlib import Path

NAME = re.compile(r"^-- (\w+) --$", re.MULTILINE)


def read(path: Path) -> dict[str, bytes]:
    """The statements of a file by name. Raises ValueError for text before the first name, a name twice or a name without a statement."""
    before, *parts = NAME.split(path.read_text())
    names, bodies = parts[::2], [body.strip() for body in parts[1::2]]
    if without_comments(before):
        raise ValueError(f"{path}: SQL before the first name")
    if len(set(names)) < len(names) or not all(map(without_comments, bodies)):
        raise ValueError(f"{path}: a name stands twice, or has no statement")
    return {name: body.encode() for name, body in zip(names, bodies, strict=True)}


def without_comments(text: str) -> str:
    return re.sub(r"--.*", "", text).strip()

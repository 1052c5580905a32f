"""Values on their way into a remote shell: the one place where they are quoted."""

from collections.abc import Mapping


def quote(value: str) -> str:
    """`value` as one word of a POSIX shell, whatever it holds. Raises ValueError for what no shell can hold."""
    if "\0" in value:
        raise ValueError("a value with a NUL character cannot be given to a shell")
    return "'" + value.replace("'", "'\"'\"'") + "'"


def assignments(values: Mapping[str, str], export: bool = False) -> str:
    """Lines of shell that set the variables. Names are ours; values may come from anywhere."""
    return "".join(f"{'export ' if export else ''}{name}={quote(value)}\n" for name, value in values.items())


def folder_name(text: str) -> str:
    """`text` as the name of one folder: no slash, no control character, no leading dot, dash or space; those are percent-encoded."""
    safe = "".join(f"%{ord(c):02X}" if c == "/" or ord(c) < 32 or ord(c) == 127 else c for c in text)
    return f"%{ord(safe[0]):02X}{safe[1:]}" if safe[:1] in (".", "-", " ") else safe

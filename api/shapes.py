"""What texts from outside may look like. Whatever passes here can be stored, shown and handed to git as an argument."""

import re
import unicodedata

GIT_TAG = re.compile(r"(?!-)(?!/)(?!.*(\.\.|@\{|//|/\.|\.lock(/|$)))[^\s~^:?*\[\\]{1,250}(?<![./])")
GIT_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")
_USER, _HOST, _PORT = r"([\w.~+-]+@)?", r"(\[[0-9a-fA-F:.]+\]|[\w][\w.-]*)", r"(:\d{1,5})?"
REPOSITORY = re.compile(
    rf"(https?|git)://{_HOST}{_PORT}/[^\s?#]+|ssh://{_USER}{_HOST}{_PORT}/[^\s?#]+|file:///[^\s?#]+"
    rf"|(?!-){_USER}{_HOST}:(?![-:]|//)(?=\S*/|(?<=:)\S+\.git$)\S+", re.IGNORECASE)
LONGEST_REPOSITORY = 1000


def clean(text: str) -> str:
    """One line of text. Raises ValueError for control characters and what is no character at all."""
    if text.isprintable():  # nothing of the kind is, and it is said many times as fast
        return text
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise ValueError("control characters are not allowed")
    return text


def clean_lines(text: str) -> str:
    """Text of many lines."""
    if text.isprintable():
        return text
    clean(text.translate({ord(char): None for char in "\n\r\t"}))
    return text


def git_tag(text: str) -> str:
    if not GIT_TAG.fullmatch(clean(text)):
        raise ValueError("must be the name of a git tag, such as v1.0.0")
    return text


def git_commit(text: str) -> str:
    if not GIT_COMMIT.fullmatch(text):
        raise ValueError("must be a commit id: 7 to 64 hexadecimal digits")
    return text.lower()


def repository(text: str) -> str:
    if len(text) > LONGEST_REPOSITORY:
        raise ValueError(f"must have at most {LONGEST_REPOSITORY} characters")
    if re.match(r"https?://[^/]*@|[a-z]+://[^/@]*:[^/@]*@", clean(text), re.IGNORECASE):
        raise ValueError("must not hold a user or a password: put them into the application's git_user and git_token")
    if not REPOSITORY.fullmatch(text):
        raise ValueError("must be an https, http, ssh, git or file address of a git repository, or user@host:path")
    return text


def plain_json(value: object, depth: int = 32) -> None:
    """Raises ValueError for JSON that could not be stored as it is: NUL characters, numbers beyond 64 bits, nesting without end."""
    if depth == 0:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("a NUL character cannot be stored")
    elif isinstance(value, dict):
        for key, part in value.items():
            plain_json(key, depth)
            plain_json(part, depth - 1)
    elif isinstance(value, list):
        for part in value:
            plain_json(part, depth - 1)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("a number is beyond 64 bits")

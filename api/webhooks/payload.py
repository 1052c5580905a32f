"""What a delivery says, read from whatever came: a real payload may lack or null anything."""

import re
from urllib.parse import parse_qs

import msgspec

from api import shapes
from api.errors import Problem

Payload = dict[str, object]


def parsed(body: bytes, content_type: str) -> Payload:
    """The payload, from JSON or from a form's field `payload`. Raises 400."""
    try:
        if content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
            body = parse_qs(body.decode(), max_num_fields=10).get("payload", [""])[0].encode()
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Problem(400, f"the payload is not JSON: {type(error).__name__}", field="body") from error
    if not isinstance(found, dict):
        raise Problem(400, "the payload is not a JSON object", field="body")
    return found


def at(payload: object, *path: str) -> object:
    """What stands at a path, or None."""
    for key in path:
        payload = payload.get(key) if isinstance(payload, dict) else None
    return payload


def text(payload: object, *path: str, longest: int = 1000) -> str:
    """The text at a path, without what cannot be stored; `""` where there is none."""
    found = at(payload, *path)
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", found)[:longest] if isinstance(found, str) else ""


def repository(payload: Payload) -> str:
    """The address to clone from, or `""`."""
    for key in ("clone_url", "html_url", "ssh_url"):
        try:
            return shapes.repository(text(payload, "repository", key))
        except ValueError:
            continue
    return ""


def commit(*candidates: str) -> str:
    """The first that is a commit id (all zeros mean: none), or `""`."""
    for candidate in candidates:
        if shapes.GIT_COMMIT.fullmatch(candidate) and candidate.strip("0"):
            return candidate.lower()
    return ""


def tag(ref: str) -> str:
    """The tag that a full ref names, or `""`."""
    try:
        return shapes.git_tag(ref.removeprefix("refs/tags/")) if ref.startswith("refs/tags/") else ""
    except ValueError:
        return ""

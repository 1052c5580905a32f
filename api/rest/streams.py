"""Server-sent events."""

from collections.abc import AsyncIterator

import msgspec
from starlette.responses import StreamingResponse

from api.errors import Problem
from api.rest.call import Call

HEARTBEAT = b": still here\n\n"


def event(name: str, content: object, id: object = None) -> bytes:
    """One event; JSON has no line breaks, so that its data is one line."""
    head = f"id: {id}\n" if id is not None else ""
    return f"{head}event: {name}\ndata: ".encode() + msgspec.json.encode(content) + b"\n\n"


def stream(events: AsyncIterator[bytes]) -> StreamingResponse:
    return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


def last_event(call: Call) -> int:
    """`Last-Event-ID`: where an earlier stream broke off; 0 for a new one."""
    given = call.request.headers.get("last-event-id", "").strip() or "0"
    if not given.isdecimal() or len(given) > 18:
        raise Problem(400, "Last-Event-ID takes the id of an earlier event", field="Last-Event-ID")
    return int(given)


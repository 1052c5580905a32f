"""A change: somebody asks, somebody else agrees to exactly that, then it is done.

`draft → submitted → approved / rejected → executing → completed / failed`; `cancelled` at any time before it is executed. An approval
that is void by the time of the execution leads back to `submitted`.
"""

from datetime import datetime
from typing import Literal

import msgspec

from domain.change.events import (
    ChangeApproved,
    ChangeCancelled,
    ChangeCompleted,
    ChangeCreated,
    ChangeExecuted,
    ChangeFailed,
    ChangeRejected,
    ChangeSubmitted,
)
from domain.errors import Refused
from domain.event import Event, Json

Status = Literal["draft", "submitted", "approved", "rejected", "executing", "completed", "failed", "cancelled"]
TYPES = ("deployment", "rollback", "config", "emergency")


class Change(msgspec.Struct, frozen=True):
    id: str
    version: int
    type: str
    payload: Json
    applicant: str
    status: Status = "draft"
    plan_digest: str = ""
    deployment_id: str = ""

    def submit(self, plan_digest: str, *, at: datetime, by: str) -> ChangeSubmitted:
        self._must_be("draft")
        return ChangeSubmitted(stream=self.id, version=self.version + 1, at=at, by=by, plan_digest=plan_digest)

    def approve(self, comment: str, *, at: datetime, by: str) -> ChangeApproved:
        self._must_be("submitted")
        self._must_be_another(by)
        return ChangeApproved(stream=self.id, version=self.version + 1, at=at, by=by, plan_digest=self.plan_digest, comment=comment)

    def reject(self, reason: str, *, at: datetime, by: str) -> ChangeRejected:
        self._must_be("submitted")
        self._must_be_another(by)
        return ChangeRejected(stream=self.id, version=self.version + 1, at=at, by=by, reason=reason)

    def execute(self, deployment: str, plan_digest: str, *, at: datetime, by: str) -> ChangeExecuted | ChangeSubmitted:
        """Where something else would run than was approved, the approval is void: it is asked for anew, of what would run now."""
        self._must_be("approved")
        if plan_digest != self.plan_digest:
            return ChangeSubmitted(stream=self.id, version=self.version + 1, at=at, by=by, plan_digest=plan_digest)
        return ChangeExecuted(stream=self.id, version=self.version + 1, at=at, by=by, deployment_id=deployment)

    def cancel(self, reason: str, *, at: datetime, by: str) -> ChangeCancelled:
        if self.status not in ("draft", "submitted", "approved"):
            raise Refused(f"the change is {self.status}: it can be cancelled only before it is executed")
        return ChangeCancelled(stream=self.id, version=self.version + 1, at=at, by=by, reason=reason)

    def finish(self, error: str, *, at: datetime, by: str) -> list[Event]:
        """How the deployment ended; known already: nothing."""
        if self.status != "executing":
            return []
        if error:
            return [ChangeFailed(stream=self.id, version=self.version + 1, at=at, by=by, error=error)]
        return [ChangeCompleted(stream=self.id, version=self.version + 1, at=at, by=by)]

    def _must_be(self, status: Status) -> None:
        if self.status != status:
            raise Refused(f"the change is {self.status}, not {status}")

    def _must_be_another(self, by: str) -> None:
        if by == self.applicant:
            raise Refused("nobody decides about a change of their own: ask a colleague")


def evolve(change: Change | None, event: Event) -> Change:
    if isinstance(event, ChangeCreated):
        return Change(event.stream, event.version, event.type, event.payload, event.by)
    if change is None:
        raise TypeError(f"a change begins with its creation: {event}")
    return msgspec.structs.replace(change, version=event.version, **fields(event))


def fields(event: Event) -> dict[str, object]:
    match event:
        case ChangeSubmitted():
            return {"status": "submitted", "plan_digest": event.plan_digest}
        case ChangeApproved():
            return {"status": "approved"}
        case ChangeRejected():
            return {"status": "rejected"}
        case ChangeExecuted():
            return {"status": "executing", "deployment_id": event.deployment_id}
        case ChangeCompleted():
            return {"status": "completed"}
        case ChangeFailed():
            return {"status": "failed"}
        case ChangeCancelled():
            return {"status": "cancelled"}
    raise TypeError(f"not a fact about a change: {event}")

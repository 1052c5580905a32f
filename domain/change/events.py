"""What can have happened to a change: a request to do something to production, and the answer of others."""

from domain.event import Event, Json


class ChangeCreated(Event, frozen=True, kw_only=True):
    """Somebody (`by`: the applicant) drafts a change."""

    TOPIC = "change.created"
    title: str
    description: str
    type: str
    payload: Json


class ChangeSubmitted(Event, frozen=True, kw_only=True):
    """Approval is asked for, of exactly what the digest covers: by the applicant, or again because an earlier approval was void."""

    TOPIC = "change.submitted"
    plan_digest: str


class ChangeApproved(Event, frozen=True, kw_only=True):
    """Somebody else (`by`) agrees to what the digest covers."""

    TOPIC = "change.approved"
    plan_digest: str
    comment: str = ""


class ChangeRejected(Event, frozen=True, kw_only=True):
    """Somebody else (`by`) does not agree."""

    TOPIC = "change.rejected"
    reason: str


class ChangeExecuted(Event, frozen=True, kw_only=True):
    """The approved change is under way, as this deployment."""

    TOPIC = "change.executed"
    deployment_id: str


class ChangeCompleted(Event, frozen=True, kw_only=True):
    """What the change asked for was done."""

    TOPIC = "change.completed"


class ChangeFailed(Event, frozen=True, kw_only=True):
    """What the change asked for did not come about."""

    TOPIC = "change.failed"
    error: str


class ChangeCancelled(Event, frozen=True, kw_only=True):
    """The change was withdrawn before anything was done."""

    TOPIC = "change.cancelled"
    reason: str

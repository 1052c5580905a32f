"""GitHub's webhooks (S2): what each event means, and the answer to it."""

import hashlib
import hmac
import re
from dataclasses import replace

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.authentication import source_ip
from api.errors import Problem, unauthorized, unavailable
from api.rest.call import encoded
from api.services import Services
from api.webhooks.payload import Payload, at, commit, parsed, repository, tag, text
from api.webhooks.refused import keep_refused
from application.caller import Caller, process
from application.house import Done
from application.webhooks import Delivery, Ignored, PullRequestMerged, TagPushed
from domain.delivery.events import DeliveryReceived

router = APIRouter(tags=["webhooks"])
DELIVERY_ID = re.compile(r"[\w.:-]{1,100}", re.ASCII)
Meaning = TagPushed | PullRequestMerged | Ignored


@router.post("/webhooks/github")
async def receive(request: Request) -> Response:
    services: Services = request.app.state.services
    if services.settings.github_webhook_secret is None:
        raise unavailable("GitHub's webhooks are not set up here: set GITHUB_WEBHOOK_SECRET", setting="GITHUB_WEBHOOK_SECRET")
    body = await signed_body(request, services.settings.github_webhook_secret.get_secret_value().encode())
    event = text(dict(request.headers), "x-github-event", longest=100)
    if not event:
        raise Problem(400, "the header X-GitHub-Event is missing", field="X-GitHub-Event")
    payload = parsed(body, request.headers.get("content-type", ""))
    delivery = Delivery("github", event, delivery_id(request, body), repository(payload))
    caller = replace(process("github", delivery.delivery_id), source_ip=source_ip(request), request_id=request.state.request_id)
    return answer(await carry_out(services, caller, meaning(delivery, payload)))


async def signed_body(request: Request, secret: bytes) -> bytes:
    """The raw body, once its signature was found right. A refused delivery is kept for show."""
    event, given = request.headers.get("x-github-event", ""), request.headers.get("x-hub-signature-256", "")
    number = request.headers.get("x-github-delivery", "")
    try:
        body = await request.body()
    except Problem as too_large:
        await keep_refused(request, "github", event, number, "too large", 0)
        raise too_large
    expected = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), given.encode()):
        reason = "wrong signature" if given else "no signature"
        await keep_refused(request, "github", event, number, reason, len(body))
        raise unauthorized(f"{reason}: X-Hub-Signature-256 must be made with the secret that is set here")
    return body


def delivery_id(request: Request, body: bytes) -> str:
    """GitHub's own; where there is none, one that follows from the body."""
    given = request.headers.get("x-github-delivery", "")
    return given if DELIVERY_ID.fullmatch(given) else f"sha256:{hashlib.sha256(body).hexdigest()}"


def meaning(delivery: Delivery, payload: Payload) -> Meaning:
    if delivery.event == "push":
        return push(delivery, payload)
    if delivery.event == "pull_request":
        return pull_request(delivery, payload)
    known = {"create": "the push of the tag tells the same", "ping": "a ping: the hook is set up"}
    return Ignored(delivery, known.get(delivery.event, f"nothing is done for the event {delivery.event}"))


def push(delivery: Delivery, payload: Payload) -> Meaning:
    ref, name = text(payload, "ref"), tag(text(payload, "ref"))
    found = commit(text(payload, "head_commit", "id"), text(payload, "after"))
    if not ref.startswith("refs/tags/"):
        return Ignored(delivery, "only the push of a tag makes a version")
    if at(payload, "deleted") is True:
        return Ignored(delivery, "the tag was deleted")
    if lacking := lacks(delivery, tag=name, commit=found):
        return Ignored(delivery, lacking)
    return TagPushed(delivery, name, found, text(payload, "head_commit", "message", longest=10_000))


def pull_request(delivery: Delivery, payload: Payload) -> Meaning:
    if at(payload, "action") != "closed" or at(payload, "pull_request", "merged") is not True:
        return Ignored(delivery, "only the merge of a pull request makes a version")
    found = commit(text(payload, "pull_request", "merge_commit_sha"))
    if lacking := lacks(delivery, merge_commit=found):
        return Ignored(delivery, lacking)
    number = at(payload, "number") or at(payload, "pull_request", "number")
    number = number if isinstance(number, int) and 0 < number < 2**31 else 0
    return PullRequestMerged(delivery, number, found, text(payload, "pull_request", "title"))


def lacks(delivery: Delivery, **needed: str) -> str:
    missing = [name.replace("_", " ") for name, value in {"repository": delivery.repository, **needed}.items() if not value]
    return f"the payload names no usable {', no '.join(missing)}" if missing else ""


async def carry_out(services: Services, caller: Caller, what: Meaning) -> Done:
    match what:
        case TagPushed():
            return await services.webhooks.tag_pushed(caller, what)
        case PullRequestMerged():
            return await services.webhooks.pull_request_merged(caller, what)
    return await services.webhooks.ignored(caller, what)


def answer(done: Done) -> Response:
    """The same for each repetition of a delivery: made from the fact that was stored."""
    fact = next(event for event in done.events if isinstance(event, DeliveryReceived))
    if fact.ignored:
        content: dict[str, object] = {"message": f"Webhook received and ignored: {fact.ignored}", "version_created": False}
    elif fact.auto_tag:
        content = {"message": "Pull request merge processed", "version_created": fact.version_created, "version_id": fact.version_id,
                   "auto_tag": fact.auto_tag}
    else:
        content = {"message": "Webhook received and processed", "version_created": fact.version_created, "version_id": fact.version_id}
    return encoded(content, 200, {"X-Log-Position": str(done.position)})

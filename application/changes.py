"""What people may do with changes. Approving binds the digest of what will run; executing does that, and nothing else."""

import hashlib
from dataclasses import dataclass

import msgspec

from application.caller import Caller
from application.deployments.create import CreateDeployment, Planner
from application.deployments.rollback import RollBack, make_rollback, way_back
from application.deployments.steps import Steps
from application.house import Done, House
from application.work import Work
from domain.change.events import ChangeCreated, ChangeSubmitted
from domain.change.model import TYPES, Change
from domain.errors import Invalid, Refused
from domain.event import Json


@dataclass(frozen=True)
class CreateChange:
    title: str
    type: str
    payload: Json
    description: str = ""


class Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a change of type `deployment` or `emergency` does: a deployment's body."""

    version_id: str
    application_ids: tuple[str, ...]
    environment_id: str
    must_in_order: tuple[str, ...] = ()
    manual_approval: bool = False


class RollbackPayload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    deployment_id: str
    target_version_id: str = ""


class Changes:
    def __init__(self, house: House, planner: Planner) -> None:
        self._house, self._planner = house, planner

    async def create(self, caller: Caller, command: CreateChange) -> Done:
        async def act(work: Work) -> str:
            if command.type not in TYPES:
                raise Invalid(f"there is no change type {command.type!r}", field="type", known=list(TYPES))
            understood(command.type, command.payload)
            id = self._house.new_id("chg")
            work.record(ChangeCreated(stream=id, version=1, at=self._house.clock(), by=caller.actor.id, title=command.title,
                                      description=command.description, type=command.type, payload=command.payload))
            return id

        return await self._house.run(caller, "change:create", act, command)

    async def submit(self, caller: Caller, id: str) -> Done:
        async def act(work: Work) -> str:
            change = await work.change(id)
            digest = await self._plan_digest(work, change)
            work.record(change.submit(digest, at=self._house.clock(), by=caller.actor.id))
            return id

        return await self._house.run(caller, "change:submit", act, id)

    async def approve(self, caller: Caller, id: str, comment: str = "") -> Done:
        async def act(work: Work) -> str:
            work.record((await work.change(id)).approve(comment, at=self._house.clock(), by=caller.actor.id))
            return id

        return await self._house.run(caller, "change:approve", act, (id, comment))

    async def reject(self, caller: Caller, id: str, reason: str = "") -> Done:
        async def act(work: Work) -> str:
            work.record((await work.change(id)).reject(reason, at=self._house.clock(), by=caller.actor.id))
            return id

        return await self._house.run(caller, "change:reject", act, (id, reason))

    async def cancel(self, caller: Caller, id: str, reason: str = "") -> Done:
        async def act(work: Work) -> str:
            work.record((await work.change(id)).cancel(reason, at=self._house.clock(), by=caller.actor.id))
            return id

        return await self._house.run(caller, "change:cancel", act, (id, reason))

    async def execute(self, caller: Caller, id: str) -> Done:
        """Do what was approved: make its deployment, in the same append. Where something else would run, the approval is void: that is
        stored, and the execution is refused."""

        async def act(work: Work) -> str:
            at, by = self._house.clock(), caller.actor.id
            change = await work.change(id)
            what = understood(change.type, change.payload)
            digest = await self._plan_digest(work, change)
            executed = change.execute(self._house.new_id("dep"), digest, at=at, by=by)
            if isinstance(executed, ChangeSubmitted):
                work.record(executed)
                return id
            if isinstance(what, RollbackPayload):
                command = RollBack(what.deployment_id, what.target_version_id, automatic=False)
                deployment = await make_rollback(self._planner, work, command, at=at, by=by, change_id=id)
            else:
                created = await self._planner.plan(work, request(what, id), by=by)
                work.record(created)
                await Steps(work, at, by).begin(created.stream)
                deployment = created.stream
            work.record_first(msgspec.structs.replace(executed, deployment_id=deployment))
            return id

        done = await self._house.run(caller, "change:execute", act, id)
        if any(isinstance(event, ChangeSubmitted) for event in done.events):
            raise Refused("what would run is not what was approved any more: it waits for approval again", position=done.position)
        return done

    async def finish(self, caller: Caller, deployment: str) -> Done:
        """Its deployment has ended. One that runs again by now will end once more."""

        async def act(work: Work) -> str:
            d = await work.deployment(deployment)
            if d.plan.change_id and not d.is_open:
                change = await work.change(d.plan.change_id)
                error = d.failing or ("" if d.phase in ("success", "rolled_back") else d.phase)
                work.record(*change.finish(error, at=self._house.clock(), by=caller.actor.id))
            return deployment

        return await self._house.run(caller, "deployment:drive", act)

    async def _plan_digest(self, work: Work, change: Change) -> str:
        """The digest of what would run now: versions, applications and target with their settings, in their present state."""
        what = understood(change.type, change.payload)
        parts: list[object] = [change.type, change.payload]
        if isinstance(what, RollbackPayload):
            bad = await work.deployment(what.deployment_id)
            command = RollBack(what.deployment_id, what.target_version_id, automatic=False)
            planned = await way_back(self._planner, work, bad, await work.lane(bad.environment_id), command, by="")
            parts += [bad.phase, planned.artifacts]
        else:
            planned = await self._planner.plan(work, request(what, change.id), by="")
        parts += [planned.source, planned.applications, planned.target]
        return "sha256:" + hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()


def request(what: Payload, change: str) -> CreateDeployment:
    return CreateDeployment(what.version_id, what.application_ids, what.environment_id, what.must_in_order, what.manual_approval, change_id=change)


def understood(type: str, payload: Json) -> Payload | RollbackPayload:
    """The payload in the form that its type asks for."""
    if type == "config":
        raise Invalid("changes of type config cannot be carried out yet: use deployment, rollback or emergency", field="type")
    try:
        return msgspec.convert(payload, RollbackPayload) if type == "rollback" else msgspec.convert(payload, Payload)
    except msgspec.ValidationError as error:
        raise Invalid(f"the payload does not fit the type {type}: {error}", field="payload") from error

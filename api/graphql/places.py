"""Environments and changes in GraphQL, as REST prints them, in camelCase."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from api.graphql.types import made
from api.reading import Row


@strawberry.type
class Installed:
    """What runs in an environment for one application, since when, by whose wish and with whose word."""

    application_id: strawberry.ID
    application: str | None
    deployment_id: strawberry.ID
    version_id: strawberry.ID
    git_tag: str
    git_commit: str
    artifact: JSON | None
    since: datetime
    created_by: str | None
    change_id: strawberry.ID | None
    approved_by: str | None
    approved_at: datetime | None


@strawberry.type
class Inside:
    deployment_id: strawberry.ID
    application_ids: list[strawberry.ID]
    number: int
    since: datetime


@strawberry.type
class Waiting:
    deployment_id: strawberry.ID
    application_ids: list[strawberry.ID]
    behind: list[strawberry.ID]
    since: datetime


@strawberry.type
class Lane:
    """The deployments that may change the environment now, and those that wait for them."""

    inside: list[Inside]
    waiting: list[Waiting]


@strawberry.type
class Environment:
    id: strawberry.ID
    name: str
    type: str
    config: JSON
    is_active: bool
    status: str
    message: str
    checked_at: datetime | None
    created_at: datetime
    updated_at: datetime
    installed: list[Installed]
    lane: Lane


@strawberry.type
class Change:
    id: strawberry.ID
    title: str
    description: str
    type: str
    status: str
    applicant_id: strawberry.ID
    created_by: str
    approver_id: strawberry.ID | None
    approved_by: str | None
    payload: JSON
    plan_digest: str | None
    deployment_id: strawberry.ID | None
    comment: str
    error_message: str
    created_at: datetime
    updated_at: datetime
    submitted_at: datetime | None
    decided_at: datetime | None
    completed_at: datetime | None


def environment(row: Row) -> Environment:
    lane = row["lane"]
    places = Lane(inside=[made(Inside, place) for place in lane["inside"]], waiting=[made(Waiting, place) for place in lane["waiting"]])
    return made(Environment, row, installed=[made(Installed, each) for each in row["installed"]], lane=places)


def change(row: Row) -> Change:
    return made(Change, row)

"""Every error that the house knows has a meaning at the door."""

import importlib
import pkgutil

import pytest

import application
import domain
from api.database import AWAY
from api.errors import TABLE, answer, status_and_code
from application.ports.log import Conflict
from domain.errors import DomainError

WITHIN = {Conflict}
"""Errors of a port that never reach a door: who calls the port decides anew."""


def everything_in(*packages) -> None:
    for package in packages:
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)


def below(cls: type) -> set[type]:
    return {cls}.union(*(below(sub) for sub in cls.__subclasses__()))


def test_every_refusal_of_the_domain_has_a_status():
    everything_in(domain, application)
    ours = [cls for cls in below(DomainError) if cls.__module__.split(".")[0] in ("domain", "application")]
    assert len(ours) > 4
    for cls in ours:
        assert cls in TABLE, f"{cls.__name__} has no entry in api.errors.TABLE"


@pytest.mark.parametrize("error", [*AWAY])
def test_a_database_that_is_away_is_a_reason_to_try_again(error):
    said = answer(error("host=secret"))
    assert said is not None
    assert (said.status_code, said.headers["Retry-After"]) == (503, "1")
    assert b"secret" not in said.body


def test_an_error_that_nobody_foresaw_has_no_status():
    assert status_and_code(KeyError("x")) is None
    assert answer(KeyError("x")) is None
    assert {cls for cls in WITHIN if status_and_code(cls("x"))} == set()

"""Nothing can be forgotten: each projection has decided about every fact that there is, and no statement is idle."""

from pathlib import Path

import msgspec
import pytest

import projections
from domain.registry import EVENTS
from projections.catalogue import NAMES, PROJECTIONS
from projections.engine.projection import Projection
from tests.projections.facts import recorded, sample, samples

KINDS = set(EVENTS.values())
each_projection = pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)


@each_projection
def test_every_fact_is_either_handled_or_ignored_on_purpose(projection: Projection):
    assert projection.handles | projection.ignores == KINDS
    assert not projection.handles & projection.ignores


@each_projection
def test_what_is_handled_means_something_and_what_is_ignored_nothing(projection: Projection):
    for kind in KINDS:
        assert bool(projection.project(recorded(sample(kind))[0])) is (kind in projection.handles), kind


def test_every_folder_with_tables_is_in_the_catalogue():
    folders = {path.parent.name for path in Path(projections.__file__).parent.glob("*/project.py")}
    assert folders == set(NAMES)


@each_projection
def test_every_statement_that_a_fact_names_exists_and_every_statement_is_named_by_a_fact(projection: Projection):
    used = {name for event in (*samples(), *others()) for name, _ in projection.project(recorded(event)[0])}
    assert used == set(projection.statements)


def others():
    """The facts whose words decide what they mean."""
    return [msgspec.structs.replace(event, decision="rollback") for event in samples() if hasattr(event, "decision")]


@each_projection
def test_the_same_fact_means_the_same_every_time(projection: Projection):
    for record in recorded(*samples()):
        assert projection.project(record) == projection.project(record)

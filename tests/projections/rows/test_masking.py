"""Secrets in read models: neither values (they are in no fact) nor references."""

from psycopg import sql

from domain.application.events import ApplicationCreated
from projections.engine.masking import masked
from tests.projections.facts import fact, recorded, samples


def test_a_reference_becomes_the_mask_wherever_it_stands():
    assert masked({"a": {"secret": "sec_1"}, "b": [{"secret": "sec_2"}, {"c": {"secret": "sec_3"}}], "d": ({"secret": "sec_4"},)}) == {
        "a": "********", "b": ["********", {"c": "********"}], "d": ["********"]}


def test_what_is_no_reference_stays():
    config = {"secret": "x", "port": 8080, "hosts": ["h1"], "nothing": None, "deep": {"secret": "x", "other": 1}}
    assert masked(config) == config


def test_no_table_holds_a_reference_whatever_the_facts(projector, admin):
    config = {"git_token": {"secret": "sec_9"}}
    projector.apply(recorded(*samples(), fact(ApplicationCreated, "app_9", name="a", repository="r", type="t", config=config)))
    tables = admin.execute("select relname from pg_class where relnamespace = 'views'::regnamespace and relkind = 'r'").fetchall()
    assert len(tables) > 10
    for (table,) in tables:
        found = admin.execute(sql.SQL("select t::text from {} t where t::text like '%sec\\_%'").format(sql.Identifier(table))).fetchall()
        assert found == [], table

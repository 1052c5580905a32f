"""SQL in files, by name."""

import pytest

from projections.engine import named


def test_each_statement_stands_under_its_name(tmp_path):
    file = tmp_path / "queries.sql"
    file.write_text("-- About things.\n\n-- one --\nselect 1; -- why\n\n-- two --\nselect 2\n where true;\n")
    assert named.read(file) == {"one": b"select 1; -- why", "two": b"select 2\n where true;"}


@pytest.mark.parametrize("text", ["select 1;\n-- one --\nselect 1;", "-- one --\nselect 1;\n-- one --\nselect 2;", "-- one --\n-- two --\nselect 1;"])
def test_what_would_be_lost_is_refused(tmp_path, text):
    file = tmp_path / "queries.sql"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"queries\.sql"):
        named.read(file)

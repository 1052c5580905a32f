"""The size limits of `make check` see what is too long."""

from pathlib import Path

from tests.sizes import FILE_LIMIT, FUNCTION_LIMIT, report


def tree(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def test_a_file_and_a_function_over_the_limit_are_named(tmp_path):
    tree(tmp_path, "domain/long.py", "x = 1\n" * (FILE_LIMIT + 1))
    tree(tmp_path, "api/f.py", "def much():\n" + "    x = 1\n" * FUNCTION_LIMIT + "\n\n" + "\n\n".join(f"def f{n}():\n    pass\n" for n in range(20)))
    assert report(tmp_path)[1] == ["domain/long.py: 401 lines, the limit is 400", "api/f.py:1 much: 51 lines, the limit is 50"]


def test_what_is_at_the_limit_is_fine_and_tests_may_be_longer(tmp_path):
    tree(tmp_path, "domain/long.py", "x = 1\n" * FILE_LIMIT)
    tree(tmp_path, "tests/test_long.py", "x = 1\n" * (FILE_LIMIT + 1))
    assert report(tmp_path)[1] == []


def test_functions_that_are_mostly_long_are_refused(tmp_path):
    tree(tmp_path, "api/f.py", "\n\n".join(f"def f{n}():\n" + "    x = 1\n" * 30 for n in range(3)))
    assert report(tmp_path)[1] == ["only 0% of the product's functions have at most 25 lines: 90 % should"]

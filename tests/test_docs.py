"""The documents speak of what there is: linked files exist, named settings and targets too."""

import re
from pathlib import Path

import pytest

from api.settings import Settings

ROOT = Path(__file__).parent.parent
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_linked_file_exists(path):
    links = [link for link in re.findall(r"\]\(([^)#]+)", path.read_text()) if "://" not in link]
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_named_file_of_the_project_exists(path):
    named = re.findall(r"`(?!application/json)((?:domain|application|projections|adapters|api|tests|docs)/[\w./-]+)`", path.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.name)
def test_every_setting_in_the_table_is_one(path):
    cells = re.findall(r"^\| ((?:`[A-Z_]+` ?)+)\|", path.read_text(), re.MULTILINE)
    names = [name.lower() for cell in cells for name in re.findall(r"`([A-Z_]+)`", cell)]
    assert len(names) > 8
    assert set(names) <= set(Settings.model_fields)


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.name)
def test_every_make_target_is_one(path):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)`", path.read_text())) <= targets


def test_both_readmes_have_the_same_commands():
    english, chinese = (re.findall(r"```sh\n(.*?)```", path.read_text(), re.DOTALL) for path in READMES)
    assert [without_comments(block) for block in english] == [without_comments(block) for block in chinese]


def without_comments(block: str) -> str:
    return re.sub(r"\s+#.*", "", block)

"""Packages: what goes in, what may not, and that the same content makes the same bytes."""

import os
import tarfile
from pathlib import Path

import pytest

from adapters.build.package import NotPackable, Stopped, entries, pack, patterns_of

FILES = ("dist/app.js", "dist/css/main.css", "dist/css/.hidden", "src/a.py", "src/deep/b.py", "README.md", ".git/config")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    context = tmp_path / "context"
    for name in FILES:
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_text(name)
    return context


def packed(context: Path, patterns: object, to: Path) -> list[str]:
    pack(entries(context, patterns_of(patterns)), to, lambda: False)
    with tarfile.open(to) as tar:
        return [member.name for member in tar if member.isfile() or member.issym()]


@pytest.mark.parametrize(("patterns", "names"), [
    ("dist", ["app.js", "css/.hidden", "css/main.css"]),
    ("./dist/", ["app.js", "css/.hidden", "css/main.css"]),
    (["dist"], ["app.js", "css/.hidden", "css/main.css"]),
    ("dist/app.js", ["app.js"]),
    ("", ["README.md", "dist/app.js", "dist/css/.hidden", "dist/css/main.css", "src/a.py", "src/deep/b.py"]),
    (".", ["README.md", "dist/app.js", "dist/css/.hidden", "dist/css/main.css", "src/a.py", "src/deep/b.py"]),
    ("dist/**", ["dist/app.js", "dist/css/.hidden", "dist/css/main.css"]),
    ("dist/*.js", ["dist/app.js"]),
    ("**/*.py", ["src/a.py", "src/deep/b.py"]),
    ("src/**/b.py", ["src/deep/b.py"]),
    ("src/**/a.py", ["src/a.py"]),
    ("d*", ["dist/app.js", "dist/css/.hidden", "dist/css/main.css"]),
    ("README.md, src/*.py", ["README.md", "src/a.py"]),
    (["README.md", "src/deep"], ["README.md", "src/deep/b.py"]),
])
def test_a_folder_becomes_the_root_and_globs_keep_their_paths(context, tmp_path, patterns, names):
    assert packed(context, patterns, tmp_path / "p") == names


@pytest.mark.parametrize("patterns", ["nothing", "*.exe", ["README.md", "*.exe"], "dist/none/**"])
def test_a_pattern_that_matches_nothing_is_named(context, patterns):
    wanted = patterns if isinstance(patterns, str) else patterns[-1]
    with pytest.raises(NotPackable, match=wanted.replace("*", r"\*")):
        entries(context, patterns_of(patterns))


@pytest.mark.parametrize("pattern", ["/etc", "../secrets", "dist/../../x", "/etc/*", "out", "out/passwd"])
def test_a_pattern_never_leads_out_of_the_workspace(context, pattern):
    (context / "out").symlink_to("/etc")
    with pytest.raises(NotPackable, match="leads out of the workspace"):
        entries(context, [pattern])


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../etc/passwd", "..", "../src/a.py", "self/../../x"])
def test_a_link_out_of_the_package_is_refused(context, tmp_path, target):
    (context / "dist/self").symlink_to(".")
    (context / "dist/link").symlink_to(target)
    with pytest.raises(NotPackable, match="leads out of the package"):
        packed(context, "dist", tmp_path / "p")


def test_a_link_that_only_reads_as_if_it_stayed_inside_is_refused(context, tmp_path):
    (context / "dist/css/up").symlink_to("..")
    (context / "dist/link").symlink_to("css/up/../x")
    with pytest.raises(NotPackable, match="leads out of the package"):
        packed(context, "dist", tmp_path / "p")


def test_links_inside_and_executables_stay_what_they_are(context, tmp_path):
    (context / "dist/run").write_text("#!/bin/sh\n")
    (context / "dist/run").chmod(0o4770)
    (context / "dist/css/link").symlink_to("../run")
    packed(context, "dist", tmp_path / "p")
    with tarfile.open(tmp_path / "p") as tar:
        assert tar.getmember("css/link").linkname == "../run"
        assert {m.name: m.mode for m in tar if m.isfile()} == {"app.js": 0o644, "css/.hidden": 0o644, "css/main.css": 0o644, "run": 0o755}


def test_what_is_neither_file_nor_folder_is_refused(context, tmp_path):
    os.mkfifo(context / "dist/pipe")
    with pytest.raises(NotPackable, match="pipe"):
        packed(context, "dist", tmp_path / "p")


def test_the_same_content_makes_the_same_bytes_whatever_its_times_and_order(context, tmp_path):
    packed(context, "dist", tmp_path / "first")
    again = tmp_path / "elsewhere"
    for name in reversed([name for name in FILES if name.startswith("dist")]):
        (again / name).parent.mkdir(parents=True, exist_ok=True)
        (again / name).write_text(name)
        (again / name).chmod(0o600)
        os.utime(again / name, (1, 1))
    packed(again, "dist", tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_packing_stops_when_nobody_wants_it(context, tmp_path):
    with pytest.raises(Stopped):
        pack(entries(context, ["dist"]), tmp_path / "p", lambda: True)


@pytest.mark.parametrize("setting", [3, {"a": 1}, [1]])
def test_an_artifact_setting_of_another_kind_is_refused(setting):
    with pytest.raises(NotPackable):
        patterns_of(setting)


def test_a_path_with_a_bracket_in_it_is_a_path(context, tmp_path):
    (context / "pages").mkdir()
    (context / "pages/[id].js").write_text("x")
    assert packed(context, "pages/[id].js", tmp_path / "p") == ["[id].js"]

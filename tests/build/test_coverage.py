"""Coverage reports as the tools write them."""

from pathlib import Path

import pytest

from adapters.build.coverage import NoCoverage, marks, measure, read

GO = "mode: set\nx/a.go:1.1,3.2 2 1\nx/a.go:4.1,5.2 1 0\nx/b c.go:1.1,2.2 1 0\nx/b c.go:1.1,2.2 1 4\n"
COBERTURA = """<?xml version="1.0" ?>
<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">
<coverage version="7.6" line-rate="0.75" branch-rate="0"><packages/></coverage>"""
LCOV = "TN:\nSF:a.js\nDA:1,1\nDA:2,0\nLF:2\nLH:1\nend_of_record\nSF:a.js\nDA:1,0\nDA:2,3\nend_of_record\nSF:b.js\nDA:1,0\nDA:2,0\nend_of_record\n"
BOMB = '<!DOCTYPE c [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><coverage line-rate="1">&b;</coverage>'
OUTSIDE = '<!DOCTYPE c [<!ENTITY x SYSTEM "file:///etc/passwd">]><coverage line-rate="1">&x;</coverage>'


@pytest.mark.parametrize(("text", "percent"), [
    (GO, 75.0), (COBERTURA, 75.0), (LCOV, 50.0), (COBERTURA.replace("line-rate", 'lines-covered="2" lines-valid="3" line-rate'), 200 / 3),
    ("mode: atomic\r\na.go:1.1,2.2 1 1\r\n", 100.0), ("\ufeff" + COBERTURA, 75.0),
])
def test_a_report_is_read_whatever_wrote_it(tmp_path: Path, text, percent):
    (tmp_path / "report").write_text(text)
    assert read(tmp_path / "report") == pytest.approx(percent)


@pytest.mark.parametrize(("text", "why"), [
    (BOMB, "declares entities"), (OUTSIDE, "declares entities"), ("<coverage", "cannot be read"), ("<report/>", "not Cobertura"),
    ('<coverage line-rate="nan"/>', "cannot be read"), ('<coverage line-rate="7"/>', "cannot be read"), ("mode: set\n", "no lines"),
    ("mode: set\nx", "cannot be read"),
    ("hello", "neither"), ("", "neither"), ("SF:a\nDA:x,y\n", "cannot be read"), ("SF:a\nend_of_record\n", "no lines"), ("\0\xff", "neither"),
])
def test_a_report_that_cannot_be_read_says_why(tmp_path: Path, text, why):
    (tmp_path / "report").write_text(text)
    with pytest.raises(NoCoverage, match=why):
        read(tmp_path / "report")


def test_an_old_report_does_not_count(tmp_path: Path):
    (tmp_path / "coverage.xml").write_text(COBERTURA)
    before = marks([tmp_path / "coverage.xml"])
    with pytest.raises(NoCoverage, match="old one"):
        measure(tmp_path, "", before)
    (tmp_path / "coverage.xml").write_text(COBERTURA + "\n")
    assert measure(tmp_path, "", before) == 75.0


def test_a_report_is_looked_for_inside_the_workspace_only(tmp_path: Path):
    with pytest.raises(NoCoverage, match="leads out"):
        measure(tmp_path, "../coverage.xml", {})
    with pytest.raises(NoCoverage, match="no coverage report"):
        measure(tmp_path, "", {})
    with pytest.raises(NoCoverage, match=r"out/c\.xml does not exist"):
        measure(tmp_path, "out/c.xml", {})

"""Where the socket is: beside the data, or in a short private folder that the next process finds again."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from adapters.embedded_postgres import EmbeddedPostgresError
from adapters.embedded_postgres.sockets import socket_folder
from tests.embedded_postgres.conftest import Make
from tests.embedded_postgres.support import Owner, count
from tests.support.require import require


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short path, for the temporary files of one test."""
    with tempfile.TemporaryDirectory(prefix="tg", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def temporary(short: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    return short


@pytest.fixture
def deep(data: Path) -> Path:
    """The data, at a path of 150 characters and more."""
    below = data.parent / ("d" * 75) / ("e" * 75)
    below.mkdir(parents=True)
    return data.rename(below / "postgres")


def folder_of(conninfo: str) -> Path:
    return Path(str(conninfo_to_dict(conninfo)["host"]))


def test_a_long_path_gets_a_short_private_folder(deep: Path, temporary: Path, server_on: Make):
    conninfo = server_on(deep).start()
    folder = folder_of(conninfo)
    assert count(conninfo) == 1
    assert folder.parent == temporary
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert folder == socket_folder(deep, os.geteuid()), "the same for every process"


def test_a_server_is_found_again_by_a_process_with_another_temporary_folder(deep: Path, temporary: Path, short: Path, server_on: Make):
    (short / "elsewhere").mkdir()
    with Owner(deep, TMPDIR=str(short / "elsewhere")) as owner:
        said = owner.said()
        owner.kill()
    server = server_on(deep)
    assert (server.start(), server.pid) == (said["conninfo"], said["pid"])
    server.stop()
    assert folder_of(server.start()).parent == temporary


def test_stale_files_in_the_short_folder_do_not_hinder_a_start(deep: Path, temporary: Path, server_on: Make):
    folder = socket_folder(deep, os.geteuid())
    folder.mkdir(mode=0o700)
    (folder / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n")
    (folder / ".s.PGSQL.5432").touch()
    assert count(server_on(deep).start()) == 1


def test_a_link_in_the_place_of_the_short_folder_is_refused(deep: Path, temporary: Path, server_on: Make):
    (temporary / "trap").mkdir(mode=0o700)
    socket_folder(deep, os.geteuid()).symlink_to(temporary / "trap")
    with pytest.raises(EmbeddedPostgresError, match=r"should be a folder of uid .* with mode 0700, but is l.*remove it"):
        server_on(deep).start()
    assert not list((temporary / "trap").iterdir())


def test_a_file_in_the_place_of_the_short_folder_is_refused(deep: Path, temporary: Path, server_on: Make):
    socket_folder(deep, os.geteuid()).touch(mode=0o600)
    with pytest.raises(EmbeddedPostgresError, match="but is -rw-------"):
        server_on(deep).start()


def test_a_folder_that_others_may_enter_is_refused(deep: Path, temporary: Path, server_on: Make):
    socket_folder(deep, os.geteuid()).mkdir()
    socket_folder(deep, os.geteuid()).chmod(0o755)
    with pytest.raises(EmbeddedPostgresError, match="but is drwxr-xr-x"):
        server_on(deep).start()


def test_a_strangers_folder_is_refused(deep: Path, temporary: Path, server_on: Make):
    require("root", os.geteuid() == 0, "only root can make a folder of somebody else's")
    socket_folder(deep, 0).mkdir(mode=0o700)
    os.chown(socket_folder(deep, 0), 65534, 65534)
    with pytest.raises(EmbeddedPostgresError, match=r"should be a folder of uid 0 .* of uid 65534"):
        server_on(deep).start()


@pytest.mark.parametrize("name", ["a space, 'quotes\" and a comma", "天工 it's 100%\\", "-D"])
def test_any_name_of_a_folder_will_do(name: str, data: Path, temporary: Path, server_on: Make):
    (temporary / name).mkdir()
    assert count(server_on(Path(shutil.move(data, temporary / name / "postgres"))).start()) == 1

"""HOME: for one server, for its owner alone; the admin's token whole or not at all."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from api.home import Home, HomeInUse

HOLD = "import sys; from pathlib import Path; from api.home import Home\nwith Home(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
ROOT = Path(__file__).parents[2]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("usual_umask")
def test_it_is_made_for_its_owner_alone_and_what_exists_keeps_its_mode(tmp_path):
    Home(tmp_path / "a" / "b").make()
    assert (mode(tmp_path / "a" / "b"), mode(tmp_path / "a")) == (0o700, 0o755)
    (tmp_path / "a" / "b").chmod(0o750)
    Home(tmp_path / "a" / "b").make()
    assert mode(tmp_path / "a" / "b") == 0o750


def test_of_two_in_one_process_the_second_is_refused_and_may_come_after(tmp_path):
    with Home(tmp_path / "home"), pytest.raises(HomeInUse, match=rf"process {os.getpid()}\) runs on {tmp_path / 'home'}: stop it, or choose another"):
        Home(tmp_path / "home").__enter__()
    with Home(tmp_path / "home"):
        pass


def test_a_killed_holder_leaves_no_lock_behind(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(HomeInUse, match=f"process {holder.pid}"):
            Home(tmp_path).__enter__()
    finally:
        holder.kill()
        holder.communicate()
    with Home(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_token_is_made_once_for_the_owner_alone(tmp_path):
    home = Home(tmp_path)
    value, new = home.keep_admin_token()
    assert (new, value.startswith("tgd_"), mode(home.admin_token)) == (True, True, 0o600)
    assert home.keep_admin_token() == (value, False)
    assert home.admin_token.read_text() == f"{value}\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["admin-token"]


def test_a_token_that_the_operator_wrote_is_kept(tmp_path):
    (tmp_path / "admin-token").write_text("  mine\n")
    assert Home(tmp_path).keep_admin_token() == ("mine", False)


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_file_is_no_token(tmp_path, content):
    """As a crash of an older version may have left it: the empty token would be nobody's, for ever."""
    (tmp_path / "admin-token").write_text(content)
    value, new = Home(tmp_path).keep_admin_token()
    assert (new, Home(tmp_path).keep_admin_token()) == (True, (value, False))


def test_starters_that_come_together_use_one_token(tmp_path):
    barrier, answers = threading.Barrier(8), []

    def start() -> None:
        barrier.wait()
        answers.append(Home(tmp_path).keep_admin_token())

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({value for value, _ in answers}) == 1
    assert [new for _, new in answers].count(True) == 1

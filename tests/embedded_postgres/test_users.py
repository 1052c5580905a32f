"""As whom it runs: root, a normal user, a user without a name, a service user."""

import os
import pwd
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.embedded_postgres.identity import SERVICE_USERS
from tests.embedded_postgres.support import NOBODY, Owner, kill_all
from tests.support.require import require

NAMELESS = 54321
FORBID = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\""  # holds inside the namespace that says it


@pytest.fixture
def place() -> Iterator[Path]:
    """A home that users other than ours can reach."""
    require("root", os.geteuid() == 0, "only root can run a server as somebody else")
    with tempfile.TemporaryDirectory(prefix="tg", dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)
        kill_all(Path(folder) / "home/postgres")


def a_home_of(uid: int, place: Path, mode: int = 0o700) -> Path:
    home = place / "home"
    home.mkdir()
    home.chmod(mode)
    os.chown(home, uid, uid)
    return home


def uid_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def groups_of(pid: int) -> set[str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {group for line in lines if line.startswith(("Gid:", "Groups:")) for group in line.split()[1:]}


def service_user() -> pwd.struct_passwd | None:
    return next((user for user in pwd.getpwall() if user.pw_name in SERVICE_USERS), None)


@pytest.mark.parametrize("uid", [NOBODY, NAMELESS])
def test_a_normal_user_runs_it_in_a_private_home_with_or_without_a_name(uid: int, place: Path):
    data = a_home_of(uid, place) / "postgres"
    for _ in range(2):
        with Owner(data, "--uid", str(uid)) as owner:
            said = owner.said()
            assert "error" not in said, said
            assert uid_of(said["pid"]) == uid
            assert owner.finish() == 0
    assert data.stat().st_uid == (data / "cluster").stat().st_uid == uid
    assert stat.S_IMODE(data.parent.stat().st_mode) == 0o700


def test_a_normal_user_takes_over_what_a_killed_owner_left(place: Path):
    data = a_home_of(NOBODY, place) / "postgres"
    with Owner(data, "--uid", str(NOBODY)) as first:
        left = first.said()
        first.kill()
    with Owner(data, "--uid", str(NOBODY)) as second:
        assert second.said() == left
        assert second.finish() == 0
    assert not Path(f"/proc/{left['pid']}/exe").exists()


def test_a_folder_that_may_not_be_written_is_named(place: Path):
    home = a_home_of(0, place, 0o755)
    with Owner(home / "postgres", "--uid", str(NOBODY)) as owner:
        assert f"Permission denied: '{home}/postgres'. It needs a folder of this user's" in owner.said()["error"]


def test_the_cluster_of_another_user_is_refused_and_left_alone(place: Path):
    home = a_home_of(NOBODY, place, 0o755)
    with Owner(home / "postgres", "--uid", str(NOBODY)) as owner:
        owner.said()
        assert owner.finish() == 0
    (home / "postgres").chmod(0o755)
    with Owner(home / "postgres", "--uid", str(NAMELESS)) as owner:
        assert f"belongs to uid {NOBODY}" in owner.said()["error"]
    with Owner(home / "postgres") as owner:
        assert f"belongs to uid {NOBODY}" in owner.said()["error"]
    assert (home / "postgres/cluster").stat().st_uid == NOBODY


def test_root_runs_it_below_its_own_private_home_as_nobody_else(place: Path):
    data = a_home_of(0, place) / "postgres"
    with Owner(data) as owner:
        said = owner.said()
        assert uid_of(said["pid"]) == 0
        status = Path(f"/proc/{said['pid']}/status").read_text()
        assert "CapEff:\t0000000000000000" in status, "root by its number, without root's powers"
        assert owner.finish() == 0
    assert [path.stat().st_uid for path in (data.parent, data, data / "cluster")] == [0, 0, 0]
    assert stat.S_IMODE(data.parent.stat().st_mode) == 0o700


def test_root_in_somebody_elses_private_home_gets_a_clear_refusal(place: Path):
    home = a_home_of(NOBODY, place)
    with Owner(home / "postgres") as owner:
        assert "a user namespace: may not enter" in owner.said()["error"]
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert not list(home.iterdir())


def test_where_root_has_no_namespace_a_service_user_runs_it(place: Path):
    user = service_user()
    require("service user", user is not None, f"this machine has none of the users {', '.join(SERVICE_USERS)}")
    assert user
    data = a_home_of(0, place, 0o755) / "postgres"
    for _ in range(2):
        with Owner(data, PATH="") as owner:  # no program `unshare` to be found
            said = owner.said()
            assert "error" not in said, said
            assert uid_of(said["pid"]) == user.pw_uid
            assert not {"0", *map(str, os.getgroups())} & groups_of(said["pid"]), "none of root's groups"
            assert owner.finish() == 0
    assert {path.stat().st_uid for path in (data, *data.iterdir())} == {user.pw_uid}
    assert (data.parent.stat().st_uid, stat.S_IMODE(data.parent.stat().st_mode)) == (0, 0o755)


def test_where_a_service_user_cannot_reach_the_folder_no_mode_is_changed_for_it(place: Path):
    home = a_home_of(0, place)
    with Owner(home / "postgres", PATH="") as owner:
        said = owner.said()["error"]
    assert "start the program as a normal user" in said
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert not list(home.iterdir())


def test_where_namespaces_are_forbidden_the_refusal_tells_what_was_tried(place: Path):
    forbidden = ("unshare", "--user", "--map-root-user", "sh", "-c", FORBID, "sh")
    with Owner(a_home_of(0, place) / "postgres", before=forbidden) as owner:
        said = owner.said()["error"]
    assert "or allow user namespaces" in said
    assert "a user namespace: unshare: unshare failed" in said

"""The artifact store on a real file system."""

import hashlib
import os
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from adapters.artifacts.files import ABANDONED, FileArtifacts
from application.ports.artifacts import StorageFailed


@pytest.fixture
def store(tmp_path: Path) -> FileArtifacts:
    return FileArtifacts(tmp_path / "artifacts")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "package").write_bytes(b"content" * 100_000)
    return tmp_path / "package"


def files(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "artifacts").rglob("*") if path.is_file()]


def test_a_file_is_kept_under_its_digest_readable_by_the_server_alone(store, package, tmp_path):
    artifact = store.add(package, "shop.tar.gz")
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    assert (artifact.digest, artifact.name, artifact.size, artifact.unpack) == (f"sha256:{digest}", "shop.tar.gz", 700_000, True)
    path = store.path(artifact.digest)
    assert path == tmp_path / "artifacts/sha256" / digest[:2] / digest
    assert path.read_bytes() == package.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_same_content_twice_is_stored_once_and_outlives_its_source(store, package, tmp_path):
    first, second = store.add(package, "a"), store.add(package, "b")
    assert first.digest == second.digest
    package.unlink()
    assert len(files(tmp_path)) == 1
    assert FileArtifacts(tmp_path / "artifacts").path(first.digest).stat().st_size == 700_000


@pytest.mark.parametrize("damage", [
    lambda path: path.write_bytes(b"x"), lambda path: os.truncate(path, 10), lambda path: path.write_bytes(b"X" + path.read_bytes()[1:]),
])
@pytest.mark.parametrize("known", [True, False])
def test_a_damaged_file_is_not_given_out_also_where_it_was_verified_before(store, package, damage, known):
    artifact = store.add(package, "a")
    if known:
        store.path(artifact.digest)
    path = next(path for path in package.parent.rglob(artifact.digest.removeprefix("sha256:")))
    damage(path)
    with pytest.raises(StorageFailed, match="is damaged"):
        store.path(artifact.digest)
    store.add(package, "a")  # the same content heals it
    assert store.path(artifact.digest).read_bytes() == package.read_bytes()


@pytest.mark.parametrize("digest", [
    "sha256:" + "0" * 64, "sha256:../../etc/passwd", "sha1:" + "0" * 40, "", "sha256:" + "A" * 64, "sha256:" + "0" * 64 + "\n",
])
def test_what_is_not_there_or_no_digest_is_refused(store, digest):
    with pytest.raises(StorageFailed):
        store.path(digest)


def test_a_source_that_is_not_there_leaves_nothing(store, tmp_path):
    with pytest.raises(StorageFailed, match="No such file"):
        store.add(tmp_path / "nothing", "a")
    assert files(tmp_path) == []


def test_many_at_once_store_one_whole_file(tmp_path, package):
    stores = [FileArtifacts(tmp_path / "artifacts") for _ in range(8)]
    threads = [threading.Thread(target=store.add, args=(package, "a")) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    [path] = files(tmp_path)
    assert path.read_bytes() == package.read_bytes()


def test_what_a_dead_process_left_half_written_goes_after_a_day(tmp_path):
    FileArtifacts(tmp_path / "artifacts")
    old, new = (tmp_path / "artifacts/incoming" / name for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (old.stat().st_mtime - ABANDONED - 1,) * 2)
    FileArtifacts(tmp_path / "artifacts")
    assert files(tmp_path) == [new]


def test_a_full_disk_is_told_and_nothing_half_written_stays(tmp_path, package):
    (tmp_path / "artifacts").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path / "artifacts")]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"this user may not mount a small disk: {mounted.stderr.strip()}")
    try:
        store = FileArtifacts(tmp_path / "artifacts")
        fits = store.add(package, "fits")
        package.write_bytes(os.urandom(700_000))
        with pytest.raises(StorageFailed, match=r"cannot store shop\.tar\.gz: No space left on device"):
            store.add(package, "shop.tar.gz")
        assert files(tmp_path) == [store.path(fits.digest)]
    finally:
        subprocess.run(["umount", "-l", str(tmp_path / "artifacts")], check=True)

"""Secrets: what the database holds is of no use without the key, and the key is made once."""

import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from adapters.secrets import PostgresSecrets
from adapters.secrets.key import KeyUnusable, from_home, from_setting
from application.ports.secrets import SecretUnreadable
from tests.support.pools import pool_of

VALUE = "-----BEGIN KEY-----\n天宫 \x00\n"
KEY = "a setting of enough characters"


@pytest.fixture
async def pool(database: str):
    async with pool_of(database, 2) as pool:
        yield pool


async def test_a_value_comes_back_by_its_reference_and_not_in_plain_from_the_table(pool: AsyncConnectionPool, tmp_path, database):
    secrets = PostgresSecrets(pool, None, tmp_path)
    first, second = await secrets.put(VALUE), await secrets.put(VALUE)
    assert first.startswith("sec_")
    assert first != second
    assert await PostgresSecrets(pool, None, tmp_path).get(first) == VALUE
    with psycopg.connect(database) as conn:
        stored = [bytes(row[0]) for row in conn.execute("select ciphertext from ops.secrets")]
    assert stored[0] != stored[1]
    assert not any(b"BEGIN" in ciphertext for ciphertext in stored)


async def test_another_key_opens_nothing_and_says_what_to_do(pool, tmp_path):
    reference = await PostgresSecrets(pool, KEY, tmp_path).put(VALUE)
    assert await PostgresSecrets(pool, KEY, tmp_path).get(reference) == VALUE
    with pytest.raises(SecretUnreadable, match="encrypted with another key"):
        await PostgresSecrets(pool, KEY + "!", tmp_path).get(reference)
    with pytest.raises(SecretUnreadable, match="another key"):
        await PostgresSecrets(pool, None, tmp_path).get(reference)


async def test_a_reference_that_is_not_stored_is_unreadable(pool, tmp_path):
    with pytest.raises(SecretUnreadable, match="sec_nobody"):
        await PostgresSecrets(pool, KEY, tmp_path).get("sec_nobody")


@pytest.mark.parametrize("change", [
    "update ops.secrets a set ciphertext = b.ciphertext from ops.secrets b where a.reference <> b.reference",  # two rows swapped
    "update ops.secrets set ciphertext = set_byte(ciphertext, 13, get_byte(ciphertext, 13) # 1)",
    "update ops.secrets set ciphertext = substring(ciphertext for 12)",
    "update ops.secrets set ciphertext = ''",
])
async def test_what_somebody_changed_in_the_table_is_not_believed(pool, tmp_path, database, change):
    secrets = PostgresSecrets(pool, KEY, tmp_path)
    references = [await secrets.put("one"), await secrets.put("two")]
    with psycopg.connect(database) as conn:
        conn.execute(change)
    for reference in references:
        with pytest.raises(SecretUnreadable):
            await secrets.get(reference)


def test_the_key_in_home_is_made_once_and_for_its_owner_alone(tmp_path: Path):
    key = from_home(tmp_path)
    assert len(key) == 32
    assert from_home(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "secret-key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]


def test_starters_that_come_together_get_the_same_key(tmp_path: Path):
    program = ("import sys; from pathlib import Path; from adapters.secrets.key import from_home\n"
               "sys.stdin.read(1); print(from_home(Path(sys.argv[1])).hex())")
    starters = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                 cwd=Path(__file__).parents[2]) for _ in range(6)]
    for starter in starters:
        starter.stdin.close()
    keys = {starter.stdout.read() for starter in starters}
    for starter in starters:
        starter.stdout.close()
        assert starter.wait(20) == 0
    assert keys == {from_home(tmp_path).hex() + "\n"}


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"00" * 31, b"zz" * 32])
def test_what_is_no_key_is_not_replaced_and_not_shown(tmp_path: Path, content):
    (tmp_path / "secret-key").write_bytes(content)
    with pytest.raises(KeyUnusable, match="does not hold a key"):
        from_home(tmp_path)
    assert (tmp_path / "secret-key").read_bytes() == content


def test_a_short_setting_is_refused():
    with pytest.raises(KeyUnusable) as refused:
        from_setting("hunter2")
    assert "hunter2" not in str(refused.value)

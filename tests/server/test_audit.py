"""The log as evidence, as an operator and an auditor use it."""

import asyncio
import shutil
import stat
from pathlib import Path

import psycopg
import pytest

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.event_store.verify import kept_lines
from api.demo.server import ServerFailed, TiangongServer
from tests.server.conftest import Client
from tests.support.require import require


async def test_an_auditor_verifies_what_a_server_exports_with_what_was_kept_outside(server: TiangongServer, tmp_path: Path) -> None:
    await server.start()
    key = (await server.command("audit", "key")).strip()
    assert stat.S_IMODE((server.home / "audit-key").stat().st_mode) == 0o600
    kept, file, other, pem = (tmp_path / name for name in ("kept.jsonl", "audit.jsonl", "other.pem", "key.pem"))
    kept.write_text(await checkpoints(server, key) + "\n")
    pem.write_text(await server.command("audit", "key", "--pem"))
    await server.command("audit", "export", "--to", "2", "--out", str(file))
    async with Client(server.url) as client:
        assert (await client.get("/api/v1/audit-logs/export", params={"to": 2})).content == file.read_bytes()
    for trusted in (key, str(pem)):
        said = await server.command("audit", "verify", str(file), "--key", trusted, "--checkpoints", str(kept))
        assert said.startswith("verified: 2 events, from 1 to 2")
    stranger = TiangongServer(tmp_path / "stranger", {"ADMIN_TOKEN": "another-admin-token-for-tests"})
    other.write_text(await stranger.command("audit", "key", "--pem"))
    with pytest.raises(ServerFailed, match=r"first bad position 1: .* not by a key that was given"):
        await server.command("audit", "verify", str(file), "--key", str(other))
    assert not list(tmp_path.glob("*.part"))
    require("openssl", shutil.which("openssl") is not None, "there is no openssl to verify by hand")
    await by_hand(file, pem, tmp_path)


async def checkpoints(server: TiangongServer, key: str) -> str:
    """What the tool prints, once the worker has made the first."""
    async with asyncio.timeout(20):
        while not (found := await server.command("audit", "checkpoints", "--key", key)):
            pass
    assert all(checkpoint.is_good for checkpoint in kept_lines(found.encode().splitlines()))
    return found


async def by_hand(file: Path, pem: Path, folder: Path) -> None:
    """docs/audit.md, with the tools of any system."""
    text = (Path(__file__).parents[2] / "docs/audit.md").read_text()
    recipe = text.partition("## By hand\n\n```sh\n")[2].partition("```")[0]
    lines = [line for line in recipe.splitlines() if not line.startswith("tiangong") and "xxd" not in line]
    (folder / "signature").write_bytes(bytes.fromhex(file.read_text().rpartition('"signature":"')[2][:128]))
    shell = await asyncio.create_subprocess_exec("sh", "-ec", "\n".join(lines), cwd=folder, stdout=asyncio.subprocess.PIPE)
    said, _ = await asyncio.wait_for(shell.communicate(), 20)
    content = file.read_text().rpartition('"content":"')[2][:64]
    assert (shell.returncode, "Signature Verified Successfully" in said.decode(), content in said.decode()) == (0, True, True)


async def test_a_table_and_a_piece_of_time_come_from_the_command_line(server: TiangongServer, tmp_path: Path) -> None:
    await server.start()
    table = await server.command("audit", "export", "--format", "csv", "--action", "user.created", "--from", "2020-01-01T00:00:00Z")
    assert [line.split(",")[4] for line in table.splitlines()] == ["action", "user.created"]
    with pytest.raises(ServerFailed, match="a time with its zone"):
        await server.command("audit", "export", "--from", "2020-01-01T00:00:00")
    out = tmp_path / "never.jsonl"
    with pytest.raises(ServerFailed, match="the log ends at position"):
        await server.command("audit", "export", "--from", "99999", "--out", str(out))
    assert list(tmp_path.glob("never*")) == []


async def test_a_checkpoint_finds_a_history_that_an_administrator_has_made_anew(server: TiangongServer) -> None:
    await server.start()
    key = (await server.command("audit", "key")).strip()
    await checkpoints(server, key)
    await server.stop()
    postgres = EmbeddedPostgres(server.home / "postgres")
    try:
        with psycopg.connect(postgres.start(), autocommit=True) as conn:
            conn.execute("alter table log.stored_events disable trigger all")
            conn.execute("update log.stored_events set state = convert_to(replace(convert_from(state, 'UTF8'), 'admin', 'nobody'), 'UTF8') where "
                         "notification_id = 1")
            conn.execute("update log.stored_events set digest = log.link(sha256(''), originator_id, originator_version, topic, state) where "
                         "notification_id = 1")
        with pytest.raises(ServerFailed, match="NOT right"):
            await server.command("audit", "checkpoints")
    finally:
        postgres.stop()

"""Commands below their supervisor: their output, their end, and that nothing of them stays."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.build.commands import Commands, split
from tests.build.processes import alive, processes_in
from tests.support.waiting import until, wait_until

linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no way to adopt orphans")


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path / "private", grace=0.5)


async def run(commands: Commands, folder: Path, line: str, **env: str) -> tuple[int, list[str]]:
    lines: list[str] = []
    code = await commands.run(["/bin/sh", "-c", line], folder, {"PATH": os.environ["PATH"], **env}, lines.append)
    return code, lines


async def test_both_outputs_come_in_one_order_and_the_exit_code_is_the_commands(commands, tmp_path):
    code, lines = await run(commands, tmp_path, "echo a; echo b >&2; printf 'c\\r\\n'; printf d; exit 3")
    assert (code, lines) == (3, ["a", "b", "c", "d"])


async def test_a_line_comes_while_the_command_still_runs(commands, tmp_path):
    lines: list[str] = []
    running = asyncio.create_task(commands.run(["/bin/sh", "-c", "echo first; cat go"], tmp_path, {"PATH": os.environ["PATH"]}, lines.append))
    os.mkfifo(tmp_path / "go")
    await until(lambda: lines == ["first"])
    assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_what_is_not_utf8_is_replaced_and_a_long_line_is_cut_between_characters(commands, tmp_path):
    (tmp_path / "long").write_text("天" * 20_000)
    _, lines = await run(commands, tmp_path, "printf 'a\\377b\\n'; cat long")
    assert lines[0] == "a\ufffdb"
    assert "".join(lines[1:]) == "天" * 20_000
    assert max(len(line.encode()) for line in lines) <= 16384


def test_splitting_never_loses_a_byte_even_where_nothing_is_utf8():
    for line in (b"\x80" * 50_000, b"x" * 16384, b"x" * 16385, b""):
        assert b"".join(split(line)) == line
        assert all(len(part) <= 16384 for part in split(line))


async def test_a_command_has_no_input_and_no_environment_but_what_it_was_given(commands, tmp_path, monkeypatch):
    monkeypatch.setenv("TIANGONG_SECRET_KEY", "of the server")
    _, lines = await run(commands, tmp_path, "cat; env; ls /proc/self/fd | wc -l", MINE="1")
    assert "MINE=1" in lines
    assert not any("SECRET" in line for line in lines)
    assert int(lines[-1]) <= 4  # three, and the folder that ls reads


async def test_a_command_that_a_signal_ended_says_which(commands, tmp_path):
    assert (await run(commands, tmp_path, "kill -9 $$"))[0] == 128 + 9


async def test_a_program_that_is_not_there_is_said_so(commands, tmp_path):
    lines: list[str] = []
    code = await commands.run(["no-such-program"], tmp_path, {"PATH": os.environ["PATH"]}, lines.append)
    assert (code, lines) == (127, ["no-such-program: No such file or directory"])


@linux
@pytest.mark.parametrize("background", [
    "sleep 600 &", "setsid sleep 600 &", "(setsid sh -c 'sleep 600 & wait' &) ;", "trap '' TERM; nohup sleep 600 &",
])
async def test_what_a_command_left_in_the_background_is_killed_after_it(commands, tmp_path, background):
    script = f"{background} until grep -qs sleep /proc/[0-9]*/comm; do :; done; exit 0"
    code, _ = await run(commands, tmp_path, script)
    assert (code, processes_in(tmp_path)) == (0, [])


@linux
@pytest.mark.parametrize("stubborn", [":", "trap '' TERM"])
async def test_a_cancelled_command_is_gone_with_all_below_it_when_the_call_returns(commands, tmp_path, stubborn):
    script = f"{stubborn}; setsid sh -c '{stubborn}; echo $$ > pid; while :; do sleep 600; done' & while :; do sleep 600; done"
    running = asyncio.create_task(run(commands, tmp_path, script))
    await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    pid = int((tmp_path / "pid").read_text())
    assert alive(pid)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not alive(pid)


async def test_a_stopped_command_gets_its_time_to_end_well(commands, tmp_path):
    running = asyncio.create_task(run(commands, tmp_path, "trap 'echo ended > how; exit 0' TERM; echo > up; while :; do sleep 0.01; done"))
    await until((tmp_path / "up").exists)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (tmp_path / "how").read_text() == "ended\n"


SERVER = """
import asyncio, sys
from pathlib import Path
from adapters.build.commands import Commands
folder = Path(sys.argv[1])
asyncio.run(Commands(folder / "private", grace=0.5).run(["/bin/sh", "-c", sys.argv[2]], folder, {"PATH": sys.argv[3]}, print))
"""


@linux
def test_a_server_that_is_killed_takes_its_commands_and_its_keys_with_it(tmp_path):
    (tmp_path / "private").mkdir()
    (tmp_path / "private/ssh_key").write_text("secret")
    script = "trap '' TERM; echo $$ > pid; setsid sh -c 'trap \"\" TERM; echo $$ > pid2; sleep 600' & while :; do sleep 600; done"
    argv = [sys.executable, "-c", SERVER, str(tmp_path), script, os.environ["PATH"]]
    server = subprocess.Popen(argv, cwd=Path(__file__).parents[2])
    wait_until(lambda: all((tmp_path / name).exists() and (tmp_path / name).read_text() for name in ("pid", "pid2")))
    pids = [int((tmp_path / name).read_text()) for name in ("pid", "pid2")]
    assert all(map(alive, pids))
    server.send_signal(signal.SIGKILL)
    server.wait(10)
    wait_until(lambda: not any(map(alive, pids)))
    wait_until(lambda: not (tmp_path / "private/ssh_key").exists())


@linux
async def test_a_supervisor_that_is_killed_takes_its_command_with_it(commands, tmp_path):
    running = asyncio.create_task(run(commands, tmp_path, "echo $$ $PPID > pid; exec sleep 600"))
    await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    pid, supervisor = map(int, (tmp_path / "pid").read_text().split())
    os.kill(supervisor, signal.SIGKILL)
    assert (await running)[0] != 0
    await until(lambda: not alive(pid))


async def test_a_flood_of_output_does_not_take_the_event_loop(commands, tmp_path):
    longest, last, loop = 0.0, 0.0, asyncio.get_running_loop()
    running = asyncio.create_task(run(commands, tmp_path, "yes | head -n 100000"))
    last = loop.time()
    while not running.done():
        await asyncio.sleep(0.001)
        longest, last = max(longest, loop.time() - last), loop.time()
    _, lines = await running
    assert len(lines) == 100_000
    assert longest < 0.5

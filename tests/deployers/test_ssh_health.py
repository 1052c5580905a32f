"""Health checks over HTTP, against a server that answers as it is told."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from application.ports.executor import Outcome, Terminal
from tests.deployers.rig import Log
from tests.deployers.ssh_rig import SshRig
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")
QUICK_CHECK = {"timeout": 0.5, "interval": 0.02}


class App:
    """Answers with each of `answers` in turn, the last one for ever; an empty answer is silence. `asked`: the request lines."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readline()).decode().strip())
        while (await reader.readline()).strip():
            continue
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer:
            writer.write(answer)
        else:
            await reader.read()
        writer.close()


def status(code: int, more: str = "") -> bytes:
    return f"HTTP/1.1 {code} x\r\nContent-Length: 0\r\n{more}\r\n".encode()


@pytest.fixture
def app() -> App:
    return App(status(200))


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def served(app: App) -> AsyncIterator[None]:
    server = await asyncio.start_server(app.serve, "127.0.0.1", 0)
    app.port = server.sockets[0].getsockname()[1]
    yield
    server.close()
    await server.wait_closed()


async def check(rig: SshRig, app: App, log: Log | None = None, **config: object) -> Outcome:
    receipt = rig.receipt("h-1", type="health_check", config={**QUICK_CHECK, **config}, application_config={"port": str(app.port)})
    return await rig.deployer.apply(receipt, log or Log())


async def test_a_host_that_answers_as_expected_is_well(rig: SshRig, app: App):
    assert (await check(rig, app)).state == "succeeded"
    assert app.asked == ["GET /health HTTP/1.1"]
    assert not rig.path.exists()


async def test_it_asks_again_until_the_host_is_well(rig: SshRig, app: App):
    app.answers = [status(503), status(503), status(200)]
    log = Log()
    assert (await check(rig, app, log)).state == "succeeded"
    assert (len(app.asked), len([line for line in log.lines if "503" in line])) == (3, 1)


async def test_a_host_that_stays_sick_fails_with_the_url_and_what_it_last_said(rig: SshRig, app: App):
    app.answers = [status(503)]
    outcome = await check(rig, app, endpoint="/ready?full=1")
    assert outcome.state == "failed"
    assert f"http://127.0.0.1:{app.port}/ready?full=1 answered 503, not 200" in outcome.error


async def test_a_redirect_is_not_followed_and_is_not_well(rig: SshRig, app: App):
    app.answers = [status(302, "Location: http://169.254.169.254/\r\n")]
    assert "answered 302" in (await check(rig, app)).error
    app.answers, app.asked = [status(302, "Location: /x\r\n")], []
    assert (await check(rig, app, expected_status="302")).state == "succeeded"
    assert app.asked == ["GET /health HTTP/1.1"]


async def test_a_port_where_nobody_listens_fails_with_the_reason(rig: SshRig, app: App):
    app.port = 1
    outcome = await check(rig, app)
    assert (outcome.state, "http://127.0.0.1:1/health" in outcome.error, "failed" in outcome.error) == ("failed", True, True)


async def test_a_host_that_takes_the_question_and_says_nothing_fails_in_time(rig: SshRig, app: App):
    app.answers = [b""]
    outcome = await asyncio.wait_for(check(rig, app), 3)
    assert (outcome.state, "no answer (asked for 0.5 s)" in outcome.error) == ("failed", True)


async def test_an_endless_answer_costs_nothing(rig: SshRig, app: App):
    app.answers = [b"HTTP/1.1 200 x\r\n\r\n" + b"x" * 10_000_000]
    assert (await check(rig, app)).state == "succeeded"


async def test_what_is_no_http_fails_and_says_so(rig: SshRig, app: App):
    app.answers = [b"SSH-2.0-OpenSSH\r\n\r\n"]
    assert (await check(rig, app)).state == "failed"


async def test_a_running_check_can_be_stopped_and_is_seen_as_running(rig: SshRig, app: App):
    app.answers = [status(503)]
    task = asyncio.create_task(check(rig, app, timeout=30))
    await until(lambda: app.asked)
    receipt = rig.receipt("h-1", type="health_check")
    assert (await rig.deployer.observe(receipt, Log())).state == "running"
    assert (await rig.deployer.abort(receipt, Log())).stopped
    assert (await task).error.startswith("aborted")
    assert (await rig.deployer.observe(receipt, Log())).state == "absent"


async def test_a_cancelled_check_stops_asking(rig: SshRig, app: App):
    app.answers = [status(503)]
    task = asyncio.create_task(check(rig, app, timeout=30))
    await until(lambda: app.asked)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not rig.deployer._checks)


async def test_a_host_out_of_sight_is_unwell_not_unknown(rig: SshRig, app: App):
    await rig.lose()
    receipt = rig.receipt("h-1", type="health_check", config=QUICK_CHECK)
    outcome = await rig.deployer.apply(receipt, Log())
    assert (outcome.state, "cannot be reached" in outcome.error) == ("failed", True)


BAD = [("port", "http"), ("port", 0), ("port", 70000), ("expected_status", "ok"), ("timeout", -1), ("timeout", True)]


@pytest.mark.parametrize(("name", "value"), BAD)
async def test_a_setting_that_cannot_be_meant_is_refused_by_name(rig: SshRig, app: App, name: str, value: object):
    with pytest.raises(Terminal, match=name):
        await check(rig, app, **{name: value})

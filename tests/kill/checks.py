"""What must hold after a campaign, each told by who knows: the host's receipts, the stored logs, the kernel's processes."""

from collections import Counter
from pathlib import Path

import httpx

from api.demo.client import Client, Json
from tests.kill.marks import LINES

INTERRUPTED = "the log was interrupted here"


def receipts(deploy_path: Path) -> Counter[tuple[str, str]]:
    """(`start` or `end`, key) → how often the host has written it."""
    lines = (deploy_path / ".tiangong/receipts").read_text().splitlines()
    return Counter((line.split()[0], line.split()[1]) for line in lines)


def assert_one_receipt_each(found: Counter[tuple[str, str]]) -> None:
    assert {pair: count for pair, count in found.items() if count > 1} == {}, "a host has done one step twice"
    assert {key for kind, key in found if kind == "end"} <= {key for kind, key in found if kind == "start"}


async def log_of(client: Client, task: Json) -> Json:
    """The whole log of a task's newest attempt: `{logs, complete}`."""
    found: list[Json] = []
    while True:
        page = await client.get(f"/deployments/{task['deployment_id']}/tasks/{task['id']}/logs", after_seq=found[-1]["seq"] if found else 0)
        if not page["logs"]:
            return {"logs": found, "complete": page["complete"]}
        found += page["logs"]


def assert_honest(task: Json, log: Json, deploy_path: Path) -> bool:
    """No line is missing unless a line says so; True if one says so."""
    lines = log["logs"]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1)), f"{task['id']} has a gap"
    cuts = [n for n, line in enumerate(lines) if line["level"] == "warn" and line["message"].startswith(INTERRUPTED)]
    assert not (cuts and log["complete"]), f"{task['id']} was cut and says that it is complete"
    last = [line["message"] for line in lines[cuts[-1] if cuts else 0:]]
    if task["type"] == "test" and task["status"] in ("success", "rolled_back") and log["complete"]:
        numbered = [text for text in last if text.startswith("line ")]
        assert numbered == [f"line {n}" for n in range(LINES)], f"{task['id']} lost lines and does not say so"
    if task["type"] == "deploy" and task["status"] in ("success", "rolled_back"):
        assert_host_output_is_there(task, [line["message"] for line in lines], deploy_path)
    return bool(cuts)


def assert_host_output_is_there(task: Json, logged: list[str], deploy_path: Path) -> None:
    """What the host printed survives on the host, and is fetched from where the last reader came to."""
    for folder in (deploy_path / ".tiangong/jobs").glob(f"{task['id']}-*"):
        printed = (folder / "output").read_text().splitlines()
        assert [text for text in printed if text not in logged] == [], f"{task['id']}: the host printed what the log does not have"


def processes_that_name(folder: Path) -> dict[int, str]:
    """The living processes whose command line mentions the folder."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue  # it ended while we looked
        if str(folder) in words:
            found[int(path.parent.name)] = words
    return found


async def readiness(url: str) -> Json:
    async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
        return dict((await http.get(f"{url}/readyz")).json())

"""What the demo shows, act by act. Each act checks what it tells."""

import asyncio

from api.demo.client import Json, Unexpected
from api.demo.job import MainJob
from api.demo.live import Live, took
from api.demo.service import VERSIONS
from api.demo.stage import Stage
from api.demo.story import Story


class Acts:
    def __init__(self, stage: Stage, story: Story) -> None:
        self._stage, self._story = stage, story
        self._job, self._live = MainJob(stage), Live(stage.client, story)

    async def play(self) -> None:
        await self.a_server_starts()
        await self.a_repository_and_a_host()
        await self.set_up_over_rest()
        await self.a_tag_is_pushed("v1.0.0", "is built, tested, deployed, checked")
        await self.a_tag_is_pushed("v1.1.0", "the same, beside the one before")
        await self.a_broken_version("v1.2.0", goes_back_to="v1.1.0")
        await self.the_audit_trail()
        self.where_everything_is()

    async def a_server_starts(self) -> None:
        self._story.step("`tiangong up` on a fresh home, with a PostgreSQL embedded in it")
        seconds = await self._stage.server.start()
        self._story.good(f"ready {self._stage.server.url} after {seconds:.1f} s")
        self._story.say(f"home {self._stage.server.home}")

    async def a_repository_and_a_host(self) -> None:
        stage = self._stage
        self._story.step("A private git repository over smart HTTP, and a host that is reached by SSH")
        self._story.say(f"repository {stage.git.url('shop')} (asks for a password)")
        kind = "OpenSSH's sshd" if stage.host.kind == "openssh" else "an asyncssh server, for want of an sshd that may run here"
        self._story.say(f"host {stage.host.address}: {kind}, in a process of its own")

    async def set_up_over_rest(self) -> None:
        self._story.step("Over REST: the host as environment `physical`, the service as application `shop`")
        environment = await self._job.create_environment()
        self._story.say(f"POST /api/v1/environments → {environment['id']}  ssh_key {environment['config']['ssh_key']}")
        health = await self._job.check_environment()
        for check in health["checks"]:
            self._story.say(f"health-check: {check['name']}: {check['status']} ({check['message']})")
        for key in health["host_keys"]:
            self._story.say(f"host key {key['fingerprint']} of {key['host']}: {'pinned' if key['pinned'] else 'NOT pinned'}")
        must(health["healthy"], f"the environment is not healthy: {health['message']}")
        self._story.good("the environment is healthy")
        application = await self._job.create_application()
        self._story.say(f"POST /api/v1/applications → {application['id']}  auto_deploy {application['config']['auto_deploy']}")

    async def a_tag_is_pushed(self, tag: str, what: str) -> None:
        self._story.step(f"{tag} is pushed: {VERSIONS[tag][0]}. It {what}" if tag == "v1.0.0" else f"{tag} is pushed: {VERSIONS[tag][0]}; {what}")
        ended = await self._deliver(tag)
        must(ended["phase"] == "success", f"{tag} ended as {ended['phase']}: {ended['error_message']}")
        self._story.good(f"{ended['id']} succeeded in {took(ended):.1f} s")
        await self._service_answers(tag)

    async def a_broken_version(self, tag: str, goes_back_to: str) -> None:
        self._story.step(f"{tag} is pushed: {VERSIONS[tag][0]}. Its tests pass, its health check does not: it is rolled back")
        bad = await self._deliver(tag)
        must(bad["phase"] in ("failed", "rolled_back"), f"{tag} ended as {bad['phase']}, it should have failed")
        self._story.bad(f"{bad['id']} failed: {bad['error_message']}")
        rollback = await self._job.rollback_of(bad["id"])
        self._story.say(f"automatic rollback: {rollback['id']} puts {rollback['version']} back, from the package that was built then")
        ended = await self._live.watch(rollback["id"])
        must(ended["phase"] == "success", f"the rollback ended as {ended['phase']}: {ended['error_message']}")
        bad = await self._job.ended(bad["id"], ("rolled_back",))
        self._story.good(f"{bad['id']} is {bad['phase']}")
        await self._service_answers(goes_back_to)
        await self._notified(bad["id"])

    async def the_audit_trail(self) -> None:
        server, out = self._stage.server, self._stage.folder / "audit.jsonl"
        self._story.step("The audit trail: every fact, who and when; the log verified; the read models made again and compared")
        trail = await self._stage.client.every("audit-logs")
        self._story.table([("position", "when", "who", "what", "of"), *(told(row) for row in trail)])
        await server.command("audit", "export", "--out", str(out))
        self._story.good(f"tiangong audit verify: {await server.command('audit', 'verify', str(out))}")
        self._story.good(f"tiangong projections check: {(await server.command('projections', 'check')).splitlines()[-1]}")

    def where_everything_is(self) -> None:
        url = self._stage.server.url
        self._story.step("Done")
        self._story.table([
            ("the server", url), ("REST, to try out", f"{url}/docs"), ("GraphQL", f"{url}/graphql"), ("metrics", f"{url}/metrics"),
            ("the service", f"{self._stage.service_url}/"), ("its repository", self._stage.git.url("shop"))])

    async def _deliver(self, tag: str) -> Json:
        """From the push to the end of the deployment that follows."""
        tagged = await self._job.push(tag)
        self._story.say(f"git push: {tag} is {tagged.commit[:12]} ({', '.join(tagged.added + tagged.modified)})")
        answer = await self._job.deliver(tagged)
        self._story.say(f"GitHub's signed webhook: {answer['message']}: {answer['version_id']}")
        deployment = await self._job.deployment_of(answer["version_id"])
        self._story.say(f"deployment {deployment['id']} to {', '.join(deployment['environments'])}")
        return await self._live.watch(deployment["id"])

    async def _service_answers(self, tag: str) -> None:
        said = await self._job.answered(tag.removeprefix("v"))
        self._story.good(f"GET {self._stage.service_url}/ → {said}")
        folders, current = await asyncio.to_thread(self._job.releases)
        self._story.say(f"on the host: releases/ {', '.join(folders)}; current → {current}")

    async def _notified(self, deployment: str) -> None:
        found = await self._stage.client.every("notifications", deployment_id=deployment)
        must(any(row["rule"] == "health_check_failed" for row in found), "nobody was notified of the failed health check")
        for row in found:
            self._story.say(f"notification by {row['channel']}: {row['subject']}")


def told(row: Json) -> tuple[str, str, str, str, str]:
    return str(row["position"]), row["timestamp"][11:23], row["username"], row["action"], row["resource_id"]


def must(true: object, otherwise: str) -> None:
    if not true:
        raise Unexpected(otherwise)

"""What each job type does in its workspace. A retried build begins with a fresh checkout; tests and the owner's other commands use what is there."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from adapters.build import coverage, package
from adapters.build.addresses import parse
from adapters.build.checkout import Git, checkout
from adapters.build.credentials import Credentials, environment
from adapters.build.site import Failed, Site, in_thread, version
from adapters.build.workspace import State
from application.ports.artifacts import ArtifactStore
from domain.task.values import Artifact

Result = dict[str, object]


class Jobs:
    """`file_roots`: where repositories addressed by `file://` may be. `known_hosts`: the file of SSH hosts that git has met."""

    def __init__(self, artifacts: ArtifactStore, file_roots: tuple[Path, ...], known_hosts: Path) -> None:
        self._artifacts, self._file_roots, self._known_hosts = artifacts, file_roots, known_hosts

    async def run(self, site: Site) -> Result:
        """Raises Failed and what the steps raise: GitFailed, AddressRefused, NotPackable, NoCoverage, StorageFailed."""
        match site.job.type:
            case "build":
                return await self._build(site)
            case "test":
                return await self._test(site)
            case _:
                return await self._custom(site)

    async def _build(self, site: Site) -> Result:
        patterns = package.patterns_of(site.setting("artifact") or "")
        state = self._left(site)
        commit = state.commit if state and not state.built else await self._check_out(site)
        await self._make(site, commit)
        artifact = await in_thread(lambda stopped: self._pack(site, patterns, commit, stopped))
        site.workspace.keep_state(State(recipe(site), commit, built=True))
        site.log.line(f"packed {artifact.name}: {artifact.size} bytes, {artifact.digest}")
        return {"artifact": msgspec.to_builtins(artifact), "git_commit": commit}

    async def _make(self, site: Site, commit: str) -> None:
        site.workspace.forget_state()
        site.context()
        for key in ("install_command", "build_command"):
            await site.run(key, commit)

    def _pack(self, site: Site, patterns: list[str], commit: str, stopped: Callable[[], bool]) -> Artifact:
        packed = site.workspace.private / "package.tar.gz"
        package.pack(package.entries(site.context(), patterns), packed, stopped)
        try:
            return self._artifacts.add(packed, f"{site.job.application_name}-{version(site.job, commit)}.tar.gz")
        finally:
            packed.unlink()

    async def _test(self, site: Site) -> Result:
        commit = await self._built(site)
        threshold, report = _threshold(site), site.text("coverage_report")
        before = coverage.marks(coverage.candidates(site.context(), report))
        if not await site.run("test_command", commit):
            raise Failed("there is no test_command")
        try:
            percent = coverage.measure(site.context(), report, before)
        except coverage.NoCoverage as error:
            if threshold is not None:
                raise
            if report:
                site.log.line(str(error), "warn")
            return {}
        site.log.line(f"coverage {percent:.2f} %")
        if threshold is not None and percent < threshold:
            raise Failed(f"coverage {percent:.2f} % is below the threshold of {threshold:g} %")
        return {"coverage": round(percent, 2)}

    async def _built(self, site: Site) -> str:
        """The commit of a workspace in which the build's commands have run; here and now, where it is gone."""
        state = self._left(site)
        if state and state.built:
            return state.commit
        site.log.line("the build's workspace is not here: building again before the test")
        commit = await self._check_out(site)
        await self._make(site, commit)
        site.workspace.keep_state(State(recipe(site), commit, built=True))
        return commit

    async def _custom(self, site: Site) -> Result:
        """A command that fails before the build leaves nothing to build on; one that fails after it does not take the build away."""
        state = self._left(site)
        commit = state.commit if state else await self._check_out(site)
        built = state is not None and state.built
        if not built:
            site.workspace.forget_state()
        if not await site.run("command", commit):
            raise Failed("there is no command")
        site.workspace.keep_state(State(recipe(site), commit, built))
        return {}

    def _left(self, site: Site) -> State | None:
        """What an earlier job of the same source left."""
        state = site.workspace.state()
        return state if state and state.recipe == recipe(site) else None

    async def _check_out(self, site: Site) -> str:
        source = site.job.source
        address = parse(source.repository, self._file_roots)
        await in_thread(lambda _: site.workspace.clear())
        named = " ".join(filter(None, (source.git_tag, source.git_commit)))
        site.log.line(f"checking out {address.url} {named}")
        secrets = site.receipt.secrets
        credentials = Credentials(str(site.job.application_config.get("git_user") or ""), secrets.get("application.git_token", ""),
                                  secrets.get("application.git_ssh_key", ""))
        env = environment(address, credentials, site.workspace.fresh_private(), self._known_hosts)
        commit = await checkout(Git(site.commands, site.workspace.source, env, site.log.line), address.url, source.git_tag, source.git_commit)
        site.workspace.fresh_private()  # the commands that follow need no key
        site.log.line(f"at commit {commit}")
        return commit


def recipe(site: Site) -> str:
    source = site.job.source
    return hashlib.sha256(msgspec.json.encode([source.repository, source.git_tag, source.git_commit])).hexdigest()


def _threshold(site: Site) -> float | None:
    value = site.setting("coverage_threshold")
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Failed("coverage_threshold must be a number")
    try:
        return float(value)
    except ValueError:
        raise Failed("coverage_threshold must be a number") from None

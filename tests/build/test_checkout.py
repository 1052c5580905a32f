"""What git may be given, and that the commit that was asked for is the commit that is there."""

import subprocess
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from adapters.build.addresses import AddressRefused, parse
from api.demo.git_server import GitServer
from tests.build.conftest import TOKEN, Bench, Repo, make_repo

USER = {"git_user": "ci"}


async def build(bench: Bench, **settings):
    return await bench.runner.apply(bench.receipt(application=USER, **settings), bench.log)


@pytest.mark.parametrize("annotated", [True, False])
async def test_a_tag_is_checked_out_at_its_commit_with_the_token_as_password(bench: Bench, annotated):
    commit = bench.repo.commit({"a.txt": "one"}, "v1", annotated=annotated)
    bench.repo.commit({"a.txt": "two"})
    outcome = await build(bench, tag="v1", commit=commit)
    assert outcome.state == "succeeded"
    assert outcome.result["git_commit"] == commit
    assert (bench.workspaces / "dep_1/app_1/source/a.txt").read_text() == "one"


async def test_a_short_commit_id_is_completed(bench: Bench):
    commit = bench.repo.commit({"a.txt": "one"}, "v1")
    assert (await build(bench, tag="v1", commit=commit[:7])).result["git_commit"] == commit
    assert (await build(bench, key="task_2-1", commit=commit[:7])).result["git_commit"] == commit


async def test_a_commit_that_no_branch_points_at_is_fetched_alone(bench: Bench):
    first = bench.repo.commit({"a.txt": "one"})
    bench.repo.commit({"a.txt": "two"})
    assert (await build(bench, commit=first)).result["git_commit"] == first
    assert bench.repo.git("-C", str(bench.workspaces / "dep_1/app_1/source"), "rev-list", "--all", "--count") == "1"


async def test_an_old_server_that_refuses_commits_by_id_gives_its_history(bench: Bench, tmp_path: Path):
    (tmp_path / "old").mkdir()
    old = GitServer(tmp_path / "old", protocol_v2=False)
    old.start()
    try:
        repo = make_repo(old, tmp_path, "old")
        first = repo.commit({"a.txt": "one"})
        repo.commit({"a.txt": "two"})
        outcome = await build(bench, repository=repo.url, commit=first, secrets={})
        assert outcome.result.get("git_commit") == first, outcome
        assert "unadvertised object" in bench.log.text
    finally:
        old.stop()


async def test_a_missing_tag_fails_in_gits_own_words(bench: Bench):
    commit = bench.repo.commit({"a.txt": "one"}, "v1")
    outcome = await build(bench, tag="v9", commit=commit)
    assert (outcome.state, outcome.error) == ("failed", "fatal: couldn't find remote ref refs/tags/v9")
    assert ("error", outcome.error) in bench.log


async def test_a_tag_that_points_elsewhere_is_refused(bench: Bench):
    first = bench.repo.commit({"a.txt": "one"})
    second = bench.repo.commit({"a.txt": "two"}, "v1")
    outcome = await build(bench, tag="v1", commit=first)
    assert outcome.error == f"the tag v1 points at {second}, not at {first}"


async def test_an_unknown_commit_fails(bench: Bench):
    bench.repo.commit({"a.txt": "one"})
    outcome = await build(bench, commit="0123456789" * 4)
    assert outcome.state == "failed"
    assert "fatal" in outcome.error


async def test_a_tag_named_like_a_commit_does_not_stand_for_it(bench: Bench):
    bench.repo.commit({"a.txt": "one"}, "abcdef1")
    outcome = await build(bench, commit="abcdef1")
    assert "but is not its id" in outcome.error


@pytest.mark.parametrize("commit", ["", "HEAD", "--upload-pack=x", "main"])
async def test_what_is_no_commit_id_never_reaches_git(bench: Bench, commit):
    assert "not the id of a commit" in (await build(bench, commit=commit)).error


async def test_a_wrong_token_fails_and_no_token_is_ever_shown(bench: Bench):
    commit = bench.repo.commit({"a.txt": "one"})
    outcome = await build(bench, commit=commit, secrets={"application.git_token": "wr0ng-token"})
    assert outcome.state == "failed"
    assert "Authentication failed" in outcome.error
    assert "wr0ng-token" not in bench.log.text + outcome.error


async def test_the_token_is_nowhere_in_the_workspace_or_in_the_commands_environment(bench: Bench):
    commit = bench.repo.commit({"a.txt": "one"})
    receipt = bench.receipt(commit=commit, application={**USER, "build_command": "env; ls -A $HOME ../private; cat .git/config"})
    assert (await bench.runner.apply(receipt, bench.log)).state == "succeeded"
    files = [path for path in bench.workspaces.rglob("*") if path.is_file()]
    assert files
    assert not any(TOKEN.encode() in path.read_bytes() for path in files)
    assert TOKEN not in bench.log.text
    assert "GIT_ASKPASS" not in bench.log.text


async def test_a_server_that_a_redirect_leads_to_does_not_get_the_token(bench: Bench, tmp_path: Path):
    seen: list[str] = []
    here = bench.repo.url

    class Redirect(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.path)
            self.send_response(302)
            self.send_header("Location", here + self.path.removeprefix("/x.git"))
            self.end_headers()

        def log_message(self, *_):
            return

    with HTTPServer(("127.0.0.1", 0), Redirect) as other:
        Thread(target=other.serve_forever, args=(0.05,), daemon=True).start()
        commit = bench.repo.commit({"a.txt": "one"})
        outcome = await build(bench, repository=f"http://127.0.0.1:{other.server_port}/x.git", commit=commit)
        other.shutdown()
    assert seen
    assert "could not read Username for 'http" in outcome.error


async def test_a_file_repository_is_read_below_the_named_folders_only(bench: Bench, tmp_path: Path):
    commit = bench.repo.commit({"a.txt": "one"}, "v1")
    inside = await build(bench, repository=f"file://{bench.repo.bare}", tag="v1", commit=commit)
    assert inside.state == "succeeded"
    outside = await build(bench, key="task_2-1", repository=f"file://{bench.repo.work}", commit=commit)
    assert "GIT_FILE_ROOTS" in outside.error


@pytest.mark.parametrize("repository", [
    "ext::sh -c 'touch /tmp/x'", "ext::sh", "-oProxyCommand=x", "--upload-pack=touch x", "fd::3", "/etc", "../x", "ssh://-oProxyCommand=x/y", "ssh://-x@host/y",
    "git@-host:x", "-x@host:y", "git@host:-x", "https://", "https://user:secret@host/x", "http://host/a b", "http://host/a\nb", "ftp://host/x", "", "file:///etc",
    "file://host/repos", "ssh://host/-x", "file:///{roots}/../etc", "file:///{roots}/%2e%2e/etc", "HTTPS+ext://x/y",
])
def test_an_address_of_another_kind_is_refused_before_git_runs(repository, tmp_path: Path):
    with pytest.raises(AddressRefused):
        parse(repository.replace("{roots}", str(tmp_path).lstrip("/")), (tmp_path,))


@pytest.mark.parametrize(("repository", "protocols"), [
    ("https://git.example.com/org/shop.git", "https"), ("http://git.example.com:8080/shop", "http:https"), ("ssh://git@git.example.com/shop", "ssh"),
    ("git@github.com:org/shop.git", "ssh"), ("git://git.example.com/shop", "git"), ("https://[::1]:8443/shop", "https"),
])
def test_the_usual_addresses_are_taken_with_their_own_protocol_alone(repository, protocols):
    assert parse(repository, ()).protocols == protocols


def test_a_link_below_a_file_root_does_not_lead_out(tmp_path: Path):
    (tmp_path / "roots").mkdir()
    (tmp_path / "roots/x").symlink_to("/etc")
    with pytest.raises(AddressRefused):
        parse(f"file://{tmp_path}/roots/x", (tmp_path / "roots",))


def test_the_servers_repositories_ask_for_the_password(repo: Repo):
    env = {"PATH": "/usr/bin:/bin", "GIT_TERMINAL_PROMPT": "0"}
    asked = subprocess.run(["git", "ls-remote", repo.url], env=env, capture_output=True, text=True, check=False)
    assert asked.returncode
    assert "could not read Username" in asked.stderr

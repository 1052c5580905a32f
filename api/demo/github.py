"""GitHub's side: the `push` webhook of a tag, in the shape and with the headers that GitHub sends, signed as GitHub signs."""

import hashlib
import hmac
import json
import uuid
from datetime import UTC, datetime

import httpx

from api.demo.repository import AUTHOR, EMAIL, ZERO, Tagged

Payload = dict[str, object]
OWNER = "tiangong-tea"


class GitHub:
    """`repository`: the address that it is cloned from."""

    def __init__(self, webhook: str, secret: str, repository: str, name: str) -> None:
        self._webhook, self._secret, self._repository, self._name = webhook, secret, repository, name

    async def push(self, tagged: Tagged, delivery: str = "", secret: str = "") -> httpx.Response:
        """Deliver the push of a tag. `delivery`: an id that was used before, to deliver again; `secret`: a wrong one."""
        body = json.dumps(push(tagged, self._repository, self._name), separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json", "User-Agent": "GitHub-Hookshot/044aadd", "Accept": "*/*", "X-GitHub-Event": "push",
            "X-GitHub-Delivery": delivery or str(uuid.uuid4()), "X-GitHub-Hook-ID": "292430182", "X-GitHub-Hook-Installation-Target-ID": "79929171",
            "X-GitHub-Hook-Installation-Target-Type": "repository", "X-Hub-Signature-256": signature(secret or self._secret, body),
        }
        async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
            return await http.post(self._webhook, content=body, headers=headers)


def signature(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def push(tagged: Tagged, address: str, name: str) -> Payload:
    commit = head_commit(tagged, address)
    return {
        "ref": f"refs/tags/{tagged.tag}", "before": ZERO, "after": tagged.object, "repository": repository(address, name),
        "pusher": {"name": "lin-demo", "email": EMAIL}, "sender": account("lin-demo", 21031067, "User"),
        "created": True, "deleted": False, "forced": False, "base_ref": "refs/heads/main",
        "compare": f"{page(address)}/compare/{tagged.tag}", "commits": [], "head_commit": commit,
    }


def page(address: str) -> str:
    return address.removesuffix(".git")


def head_commit(tagged: Tagged, address: str) -> Payload:
    who = {"name": AUTHOR, "email": EMAIL, "username": "lin-demo"}
    return {
        "id": tagged.commit, "tree_id": hashlib.sha1(tagged.commit.encode(), usedforsecurity=False).hexdigest(), "distinct": True,
        "message": tagged.message, "timestamp": datetime.now(UTC).isoformat(timespec="seconds"), "url": f"{page(address)}/commit/{tagged.commit}",
        "author": who, "committer": who, "added": list(tagged.added), "removed": [], "modified": list(tagged.modified),
    }


def account(login: str, number: int, kind: str) -> Payload:
    return {
        "login": login, "id": number, "node_id": "MDQ6VXNlcjIxMDMxMDY3", "avatar_url": f"https://avatars.githubusercontent.com/u/{number}?v=4",
        "gravatar_id": "", "url": f"https://api.github.com/users/{login}", "html_url": f"https://github.com/{login}", "type": kind,
        "site_admin": False,
    }


def repository(address: str, name: str) -> Payload:
    api = f"https://api.github.com/repos/{OWNER}/{name}"
    now = int(datetime.now(UTC).timestamp())
    return {
        "id": 186853002, "node_id": "MDEwOlJlcG9zaXRvcnkxODY4NTMwMDI=", "name": name, "full_name": f"{OWNER}/{name}", "private": True,
        "owner": account(OWNER, 38302899, "Organization") | {"name": OWNER, "email": None}, "html_url": page(address), "description": "A small shop",
        "fork": False, "url": api, "tags_url": f"{api}/tags", "git_refs_url": f"{api}/git/refs{{/sha}}", "statuses_url": f"{api}/statuses/{{sha}}",
        "commits_url": f"{api}/commits{{/sha}}", "created_at": now, "updated_at": "2026-01-05T09:12:44Z", "pushed_at": now,
        "git_url": address, "ssh_url": f"git@github.com:{OWNER}/{name}.git", "clone_url": address, "svn_url": page(address), "homepage": None,
        "size": 12, "stargazers_count": 0, "watchers_count": 0, "language": "Python", "has_issues": True, "has_wiki": False, "forks_count": 0,
        "archived": False, "disabled": False, "open_issues_count": 0, "license": None, "topics": [], "visibility": "private", "forks": 0,
        "open_issues": 0, "watchers": 0, "default_branch": "main", "stargazers": 0, "master_branch": "main", "organization": OWNER,
    }

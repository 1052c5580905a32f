"""Deployments to start over HTTP, each in an environment of its own, so that none waits for another in its lane."""

import http.client
import json
import time
from pathlib import Path

REPOSITORY = "https://git.example/org/repo"
APPLICATIONS = 8
EVENTS = 11
"""Of each: it is created and started, enters its lane, and the first task of each application is released."""


class Plans:
    """What there is to deploy, and where."""

    def __init__(self, port: int, token: str) -> None:
        self._token, self._line = token, http.client.HTTPConnection("127.0.0.1", port, timeout=20)

    def write(self, folder: Path, number: int) -> tuple[str, str]:
        """So many new ones: the path and a file of bodies for POSTs."""
        name = f"n{time.time_ns()}"
        version = self._made("versions", git_tag=name, git_commit="c0ffee1", repository=REPOSITORY)
        applications = [self._made("applications", name=f"{name}-{n}", repository=REPOSITORY, type="service") for n in range(APPLICATIONS)]
        environments = [self._made("environments", name=f"{name}-{n}", type="memory", config={}) for n in range(number)]
        bodies = folder / name
        bodies.write_text("".join(json.dumps({"version_id": version, "application_ids": applications, "environment_id": each}) + "\n"
                                  for each in environments))
        return "/api/v1/deployments", str(bodies)

    def _made(self, kind: str, **body: object) -> str:
        self._line.request("POST", f"/api/v1/{kind}", json.dumps(body),
                           {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"})
        answer = self._line.getresponse()
        found = json.load(answer)
        if answer.status != 201:
            raise SystemExit(f"{answer.status}: {found}")
        return str(found["id"])

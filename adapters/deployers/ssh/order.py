"""One deployment as the scripts are told it: a receipt and the settings, as shell variables."""

import re
from dataclasses import dataclass
from pathlib import Path

from adapters.deployers.ssh.quoting import assignments, folder_name
from adapters.deployers.ssh.remote import text
from adapters.deployers.ssh.settings import Host, Settings
from application.ports.executor import Receipt, Terminal
from domain.task.values import Artifact, Job

KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")


@dataclass(frozen=True)
class Order:
    receipt: Receipt
    settings: Settings

    @property
    def release(self) -> str:
        return folder_name(self.receipt.job.release)

    @property
    def sha(self) -> str:
        """The package's SHA-256 in hex; empty where there is no package."""
        artifact = self.receipt.job.artifact
        return artifact.digest.removeprefix("sha256:") if artifact else ""

    def look(self) -> dict[str, str]:
        """What every script needs."""
        return {
            "DEPLOY_PATH": self.settings.deploy_path,
            "KEY": self.receipt.key,
            "RELEASE": self.release,
            "SERVICE": self.settings.service,
            "SHA": self.sha,
        }

    def part(self, nonce: str) -> str:
        return f"{self.settings.deploy_path}/.tiangong/artifacts/{self.sha}.{nonce}"

    def begin(self, host: Host, part: str, limit: float) -> dict[str, str]:
        """For `begin`. `limit`: seconds the job may take on the host."""
        job, artifact = self.receipt.job, self.receipt.job.artifact
        values = self.look() | {
            "FILE": artifact.name if artifact else "",
            "UNPACK": "yes" if artifact and artifact.unpack else "no",
            "APPLICATION": job.application_id,
            "RESTART": self.settings.restart,
            "KEEP": str(self.settings.keep),
            "LIMIT": str(max(1, int(limit))),
        }
        program = assignments(values) + assignments(environment(job, host), export=True) + text("common", "deploy")
        return self.look() | {"ORDER": program, "PART": part}


def follow(offset: int, once: bool = False) -> dict[str, str]:
    """For `follow`: from which byte of the output, and whether only what is there."""
    return {"OFFSET": str(offset), "ONCE": "yes" if once else "no"}


def environment(job: Job, host: Host) -> dict[str, str]:
    """What the restart command finds in its environment."""
    return {
        "TIANGONG_VERSION": job.source.git_tag,
        "TIANGONG_COMMIT": job.source.git_commit,
        "TIANGONG_ENVIRONMENT": job.target.name,
        "TIANGONG_RELEASE": job.release,
        "TIANGONG_APPLICATION": job.application_name,
        "TIANGONG_DEPLOYMENT": job.deployment_id,
        "TIANGONG_HOST": host.name,
    }


def known_key(receipt: Receipt) -> None:
    if not KEY.fullmatch(receipt.key):
        raise Terminal(f"{receipt.key!r} cannot be a receipt's key on a host")
    if not receipt.job.release or len(folder_name(receipt.job.release).encode()) > 255:
        raise Terminal(f"{receipt.job.release!r} cannot be the name of a release folder")


def package(receipt: Receipt) -> tuple[Artifact, Path]:
    """The package to install. Raises Terminal where there is none, or none that can be installed."""
    artifact, path = receipt.job.artifact, receipt.artifact
    if artifact is None or path is None:
        raise Terminal("there is no package to install: the build left none")
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", artifact.digest):
        raise Terminal(f"{artifact.digest!r} is not the digest of a package")
    if not artifact.unpack and not file_name(artifact.name):
        raise Terminal(f"{artifact.name!r} cannot be the name of the installed file")
    if not path.is_file():
        raise Terminal(f"the package {artifact.digest} is not in the store")
    return artifact, path


def file_name(name: str) -> bool:
    return name not in ("", ".", "..") and "/" not in name and all(ord(c) >= 32 for c in name) and len(name.encode()) <= 255

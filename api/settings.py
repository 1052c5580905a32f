"""The operator's settings (contract §5): flags, then `TIANGONG_…` variables, then `tiangong.yaml`, then defaults.

An unknown name or a bad value is an error that names where it came from; values are never repeated in errors, they may be secret.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

PREFIX, FILE = "TIANGONG_", "tiangong.yaml"
OTHERS = frozenset({
    "REQUIRE",  # for the tests
    "VERSION", "TAG", "COMMIT", "ENVIRONMENT", "APPLICATION", "DEPLOYMENT", "TASK", "REPOSITORY", "RELEASE", "WORKSPACE",  # for build commands
})
"""Variables with our prefix that are no settings: set for others, and inherited where a server is started by them."""


class SettingsError(Exception):
    """The server cannot start like this; the message has a line for each thing to put right."""


def listed(value: object) -> object:
    """A list may come as one text, its entries separated by commas."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def matching(pattern: str, meaning: str) -> AfterValidator:
    def check(value: Any) -> Any:
        for text in value if isinstance(value, tuple) else (value.get_secret_value() if isinstance(value, SecretStr) else value,):
            if text and not re.fullmatch(pattern, text):
                raise ValueError(f"must be {meaning}")
        return value

    return AfterValidator(check)


Address = Annotated[str, matching(r"https?://[^\s/]\S*", "an http:// or https:// address")]
Token = Annotated[SecretStr | None, matching(r"[\x21-\x7e]+", "plain characters without spaces: it is sent in a header")]
Hosts = Annotated[tuple[str, ...], BeforeValidator(listed)]


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    home: Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]
    host: str = Field("127.0.0.1", min_length=1)
    port: int = Field(8080, ge=0, le=65535)
    database_url: Annotated[SecretStr | None, matching(r"postgres(ql)?://\S+|.*\w+\s*=.*", "a postgresql:// address or libpq settings")] = None
    admin_token: Token = None
    secret_key: SecretStr | None = None
    public_url: Address = ""
    metrics_token: Token = None
    github_webhook_secret: SecretStr | None = None
    github_token: SecretStr | None = None
    github_api_url: Address = "https://api.github.com"
    gitlab_webhook_token: SecretStr | None = None
    gitlab_token: SecretStr | None = None
    gitlab_api_url: Address = "https://gitlab.com/api/v4"
    smtp_url: Annotated[SecretStr | None, matching(r"smtps?://\S+", "an smtp:// or smtps:// address")] = None
    kafka_bootstrap_servers: Annotated[Hosts, matching(r"\S+:\d{1,5}", "a list of host:port")] = ()
    cloud_server_url: Address = ""
    cloud_server_api_key: SecretStr | None = None
    git_file_roots: Annotated[tuple[Path, ...], BeforeValidator(listed)] = ()
    egress_allow: Annotated[Hosts, matching(r"[\w.:*/\[\]-]+", "a list of addresses, networks or host names")] = ()
    log_export_dir: Path | None = None


def load(flags: Mapping[str, object] | None = None, environ: Mapping[str, str] | None = None, file: Path | None = None) -> Settings:
    """The settings of this process. `flags`: by setting name, None where a flag was not given. `file`: another than `HOME/tiangong.yaml`.
    Raises SettingsError."""
    environ = os.environ if environ is None else environ
    given = {name: (f"--{name.replace('_', '-')}", value) for name, value in (flags or {}).items() if value is not None}
    variables = {key.removeprefix(PREFIX).lower(): (key, value) for key, value in environ.items() if is_ours(key, value)}
    near = variables | given
    home = Path(str(near["home"][1])) if "home" in near else default_home(environ)
    return validated({"home": ("HOME", home)} | from_file(file or home / FILE, must_exist=file is not None) | near)


def is_ours(key: str, value: str) -> bool:
    """An empty variable says nothing."""
    return key.startswith(PREFIX) and key.removeprefix(PREFIX) not in OTHERS and value != ""


def default_home(environ: Mapping[str, str]) -> Path:
    if base := environ.get("XDG_DATA_HOME"):
        return Path(base) / "tiangong"
    if os.geteuid() == 0:
        return Path("/var/lib/tiangong")
    return Path(environ.get("HOME") or Path.home()) / ".local/share/tiangong"


def from_file(path: Path, *, must_exist: bool) -> dict[str, tuple[str, object]]:
    try:
        content = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        if must_exist:
            raise SettingsError(f"{path} does not exist") from None
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        where = getattr(error, "problem_mark", None)
        raise SettingsError(f"{path} cannot be read{f', line {where.line + 1}' if where else ''}: {type(error).__name__}") from error
    if not isinstance(content or {}, dict):
        raise SettingsError(f"{path} must hold settings by name")
    flat: dict[str, object] = {}
    for key, value in (content or {}).items():
        inner = value if str(key).lower() == "cloud_server" and isinstance(value, dict) else None
        flat.update({f"cloud_server_{k}": v for k, v in inner.items()} if inner is not None else {str(key): value})
    return {key.lower().replace("-", "_"): (f"{path}: {key}", value) for key, value in flat.items() if value is not None}


def validated(sources: Mapping[str, tuple[str, object]]) -> Settings:
    try:
        return Settings.model_validate({name: value for name, (_, value) in sources.items()})
    except ValidationError as error:
        problems = [problem(sources[str(e["loc"][0])][0], e["type"], e["msg"]) for e in error.errors(include_input=False, include_context=False)]
        raise SettingsError("\n".join(problems)) from None


def problem(where: str, kind: str, message: str) -> str:
    return f"{where}: there is no such setting" if kind == "extra_forbidden" else f"{where}: {message.removeprefix('Value error, ')}"

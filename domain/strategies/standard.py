"""The standard workflow (S1): per application build → test → deploy → health_check.

Arithmetic: with A applications there are at most 4·A tasks. `build` stands where the application has something to build
and no package exists yet, `test` where a test command is set. `must_in_order` (application ids) makes each application's
deploy wait for the last task of the application before it. Everything else runs side by side.
"""

from collections.abc import Mapping, Sequence

from domain.config import is_number
from domain.deployment.values import AppSnapshot, TaskSpec
from domain.event import Json
from domain.task.values import Artifact, Target

NAMES = {"build": "Build", "test": "Test", "deploy": "Deploy", "health_check": "Health check"}
BUILD_KEYS = ("dockerfile", "context", "tags", "build_args", "install_command", "build_command", "artifact")
TEST_KEYS = ("test_command", "coverage_threshold", "coverage_report")
DEPLOY_KEYS = ("replicas", "max_unavailable")


def plan(
    applications: Sequence[AppSnapshot], target: Target, ids: Sequence[str], *,
    must_in_order: Sequence[str] = (), artifacts: Mapping[str, Artifact] = {}, strategy: str = "",
) -> tuple[TaskSpec, ...]:
    """The tasks, in the order of their ids (`ids`: at least four for each application)."""
    free = iter(ids)
    tasks: list[TaskSpec] = []
    last: dict[str, str] = {}
    for app in in_order(applications, must_in_order):
        before = last.get(previous(app.id, must_in_order), "")
        kinds = task_types(app, packaged=app.id in artifacts)
        chain = ""
        for kind in kinds:
            depends_on = tuple(d for d in (chain, before if kind == "deploy" else "") if d)
            chain = next(free)
            tasks.append(TaskSpec(id=chain, type=kind, name=f"{NAMES[kind]} {app.name}", application_id=app.id,
                                  depends_on=depends_on, config=settings(kind, app.config, target, strategy)))
        last[app.id] = chain
    return tuple(tasks)


def in_order(applications: Sequence[AppSnapshot], order: Sequence[str]) -> list[AppSnapshot]:
    """Those with a place in the order first, in that order, then the others as they came."""
    place = {app: n for n, app in enumerate(order)}
    return sorted(applications, key=lambda app: place.get(app.id, len(place)))


def previous(application: str, order: Sequence[str]) -> str:
    """The application that must be in place before this one, or ''."""
    at = list(order).index(application) if application in order else 0
    return order[at - 1] if at else ""


def task_types(app: AppSnapshot, *, packaged: bool) -> tuple[str, ...]:
    builds = not packaged and bool(app.config.get("build_command") or app.config.get("dockerfile") or app.config.get("artifact"))
    tests = not packaged and bool(app.config.get("test_command"))
    return (*(("build",) if builds else ()), *(("test",) if tests else ()), "deploy", "health_check")


def settings(kind: str, config: Json, target: Target, strategy: str) -> Json:
    """The task's own settings, as the workflow prints them."""
    if kind == "build":
        return pick(config, BUILD_KEYS)
    if kind == "test":
        return pick(config, TEST_KEYS)
    if kind == "deploy":
        return {"strategy": strategy or target.config.get("deployment_strategy") or "all-at-once", **pick(config, DEPLOY_KEYS)}
    return {"endpoint": config.get("endpoint", "/health"), "expected_status": number(config.get("expected_status"), 200),
            "timeout": number(config.get("timeout"), 60)}


def pick(config: Json, keys: Sequence[str]) -> Json:
    return {key: config[key] for key in keys if key in config}


def number(value: object, otherwise: int) -> int:
    """A number may also come as a digit string (S2's `map[string]string`)."""
    return int(value) if isinstance(value, int | float | str) and is_number(value) else otherwise

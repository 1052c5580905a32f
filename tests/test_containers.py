"""The container files keep their promises: a health check for each, no password of its own, nothing open to the network, not root."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_has_a_health_check(name):
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_to_this_machine_alone(name):
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


def test_a_password_comes_from_the_operator_or_nothing_starts():
    text = (ROOT / "docker-compose.yml").read_text()
    assert SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD"].startswith("${POSTGRES_PASSWORD:?")
    assert SERVICES["server"]["environment"]["PGPASSWORD"].startswith("${POSTGRES_PASSWORD:?")
    assert "content: ${REGISTRY_HTPASSWD:?" in text
    assert "PASSWORD:-" not in text.replace(" ", "")


def test_the_image_ends_as_another_user_than_root_and_installs_what_is_locked():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER tiangong"]
    assert any("--require-hashes -r requirements.lock" in line for line in lines)
    assert any(line.startswith("HEALTHCHECK") for line in lines)
    assert 'ENTRYPOINT ["python", "-m", "api.cli"]' in lines, "exec form: the server itself gets SIGTERM"


def test_every_package_of_the_server_is_in_the_image():
    copied = {line.split()[1] for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("COPY ") and "." not in line.split()[1]}
    assert copied == {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}

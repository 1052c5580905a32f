"""Reading an environment's settings, and quoting."""

import base64
import subprocess

import asyncssh
import pytest
from hypothesis import given, settings, strategies

from adapters.deployers.ssh import SshDeployer
from adapters.deployers.ssh.quoting import assignments, folder_name, quote
from adapters.deployers.ssh.settings import Host, Settings, read
from application.ports.executor import Terminal
from domain.event import Json
from domain.task.values import Target

KEY = asyncssh.generate_private_key("ssh-ed25519")
SECRETS = {"environment.ssh_key": base64.b64encode(KEY.export_private_key()).decode()}
S2 = {  # as S2 prints it
    "hosts": ["192.168.1.10", "192.168.1.11"],
    "ssh_key": "base64_encoded_ssh_key",
    "deploy_path": "/opt/applications",
    "service_name": "api-service",
    "restart_command": "systemctl restart api-service",
}


def target(**config: object) -> Target:
    return Target(environment_id="env_1", name="production", type="physical", config={**S2, **config})


def reading(**config: object) -> Settings:
    return read(target(**config), SECRETS)


def test_the_printed_example_is_understood():
    found = reading()
    assert found.hosts == (Host("root", "192.168.1.10", 22), Host("root", "192.168.1.11", 22))
    assert (found.deploy_path, found.service, found.keep) == ("/opt/applications", "api-service", 5)


@pytest.mark.parametrize(
    ("entry", "host", "name"),
    [
        ("10.0.0.1", Host("deploy", "10.0.0.1", 22), "10.0.0.1"),
        ("ann@web-1.example:2222", Host("ann", "web-1.example", 2222), "web-1.example:2222"),
        ("[2001:db8::1]", Host("deploy", "2001:db8::1", 22), "[2001:db8::1]"),
        ("ann@[fe80::1%eth0]:2200", Host("ann", "fe80::1%eth0", 2200), "[fe80::1%eth0]:2200"),
    ],
)
def test_a_host_is_an_address_with_a_user_and_a_port_if_need_be(entry: str, host: Host, name: str):
    (found,) = reading(hosts=[entry], ssh_user="deploy").hosts
    assert (found, found.name) == (host, name)


@pytest.mark.parametrize("entry", ["", "a b", "2001:db8::1", "host:", "host:0", "host:70000", "host:ssh", "@host", "a@b@c", None, 7, "-oX=x y"])
def test_what_is_no_host_is_refused(entry: object):
    with pytest.raises(Terminal, match="is not a host"):
        reading(hosts=[entry])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"hosts": ["a", "root@a:22"]}, "twice"),
        ({"hosts": {"a": 1}}, "must be a list"),
        ({"deploy_path": "srv/app"}, "absolute"),
        ({"deploy_path": "/"}, "absolute"),
        ({"deploy_path": "/srv/../etc"}, "absolute"),
        ({"deploy_path": "/srv/a\nb"}, "absolute"),
        ({"service_name": "-H other"}, "service_name"),
        ({"keep_releases": 0}, "keep_releases"),
        ({"keep_releases": True}, "keep_releases"),
        ({"restart_command": 7}, "restart_command"),
        ({"known_hosts": "one-word"}, "known_hosts"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_by_name(config: Json, message: str):
    with pytest.raises(Terminal, match=message):
        reading(**config)


@pytest.mark.parametrize("key", ["", "!!!", "bm8ga2V5", base64.b64encode(b"\xff\xfe").decode()])
def test_a_bad_key_is_refused_and_not_repeated(key: str):
    with pytest.raises(Terminal, match="not a private key in base64") as refused:
        read(target(), {"environment.ssh_key": key})
    assert not key or key not in str(refused.value)


def test_a_key_with_a_passphrase_is_refused_with_the_reason(tmp_path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", tmp_path / "key"], check=True)
    with pytest.raises(Terminal, match="passphrase"):
        read(target(), {"environment.ssh_key": base64.b64encode((tmp_path / "key").read_bytes()).decode()})


def test_a_key_broken_into_lines_and_a_key_as_it_stands_are_understood():
    for text in (base64.encodebytes(KEY.export_private_key()).decode(), KEY.export_private_key().decode()):
        assert read(target(), {"environment.ssh_key": text}).key.get_fingerprint() == KEY.get_fingerprint()


def test_what_is_missing_is_named():
    assert SshDeployer().needs(target()) == ()
    assert SshDeployer().needs(target(hosts=[], ssh_key=None, deploy_path="")) == ("hosts", "ssh_key", "deploy_path")
    with pytest.raises(Terminal, match="lacks hosts, deploy_path"):
        read(target(hosts=[], deploy_path=""), SECRETS)


@settings(max_examples=60, deadline=None)
@given(strategies.lists(strategies.text(strategies.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1, max_size=20))
def test_whatever_a_value_holds_a_shell_gets_it_back(values: list[str]):
    script = assignments({f"V{n}": value for n, value in enumerate(values)}) + "".join(f"printf '%s\\0' \"$V{n}\"\n" for n in range(len(values)))
    said = subprocess.run(["sh", "-s"], input=script.encode(), capture_output=True, check=True).stdout
    assert said.decode().split("\0")[:-1] == values


def test_a_value_that_no_shell_can_hold_is_refused():
    with pytest.raises(ValueError, match="NUL"):
        quote("a\0b")


@given(strategies.text(min_size=1))
def test_a_folder_name_is_one_visible_folder(text: str):
    name = folder_name(text)
    assert "/" not in name
    assert name[0] not in ".- "
    assert all(ord(c) >= 32 for c in name)

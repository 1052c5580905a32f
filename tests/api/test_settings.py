"""Settings: where they come from, and what is said about bad ones."""

from pathlib import Path

import pytest

from api.settings import OTHERS, Settings, SettingsError, default_home, load

NAMES = [
    "HOME", "HOST", "PORT", "DATABASE_URL", "ADMIN_TOKEN", "SECRET_KEY",
    "PUBLIC_URL", "METRICS_TOKEN", "GITHUB_WEBHOOK_SECRET", "GITHUB_TOKEN", "GITHUB_API_URL", "GITLAB_WEBHOOK_TOKEN",
    "GITLAB_TOKEN", "GITLAB_API_URL", "SMTP_URL", "KAFKA_BOOTSTRAP_SERVERS", "CLOUD_SERVER_URL", "CLOUD_SERVER_API_KEY",
    "GIT_FILE_ROOTS", "EGRESS_ALLOW", "LOG_EXPORT_DIR",
]


def test_the_settings_have_the_names_that_scripts_rely_on():
    assert [name.upper() for name in Settings.model_fields] == NAMES


def test_a_flag_goes_before_a_variable_before_the_file_before_the_default(tmp_path):
    (tmp_path / "tiangong.yaml").write_text("port: 1\nhost: file\npublic_url: http://file\n")
    found = load({"home": tmp_path, "port": 3, "host": None}, {"TIANGONG_PORT": "2", "TIANGONG_HOST": "variable"})
    assert (found.port, found.host, found.public_url, found.github_api_url) == (3, "variable", "http://file", "https://api.github.com")


def test_the_cloud_server_is_written_as_the_document_prints_it(tmp_path):
    (tmp_path / "tiangong.yaml").write_text('cloud_server:\n  url: "http://localhost:8080"\n  api_key: "internal-secure-key"\n')
    found = load({"home": tmp_path}, {})
    assert found.cloud_server_url == "http://localhost:8080"
    assert found.cloud_server_api_key is not None
    assert found.cloud_server_api_key.get_secret_value() == "internal-secure-key"


@pytest.mark.parametrize(("variable", "value", "means"), [
    ("PORT", "x", "integer"), ("PORT", "70000", "65535"), ("DATABASE_URL", "mysql://secret@h", "postgresql"), ("SMTP_URL", "secret", "smtp"),
    ("PUBLIC_URL", "ftp://x", "http"), ("KAFKA_BOOTSTRAP_SERVERS", "a:1,b", "host:port"), ("COLOUR", "red", "no such setting"),
    ("ADMIN_TOKEN", "secret with spaces", "header"), ("EGRESS_ALLOW", "a b", "addresses"),
])
def test_what_is_wrong_is_named_and_its_value_is_not_repeated(variable, value, means):
    with pytest.raises(SettingsError) as refused:
        load({}, {f"TIANGONG_{variable}": value})
    assert f"TIANGONG_{variable}: " in str(refused.value)
    assert means in str(refused.value)
    assert "secret" not in str(refused.value)


def test_everything_that_is_wrong_is_told_at_once(tmp_path):
    (tmp_path / "tiangong.yaml").write_text("colour: red\n")
    with pytest.raises(SettingsError) as refused:
        load({"home": tmp_path, "port": "x"}, {"TIANGONG_SMTP_URL": "x"})
    assert [line.split(": ")[0] for line in str(refused.value).splitlines()] == ["--port", "TIANGONG_SMTP_URL", str(tmp_path / "tiangong.yaml")]


@pytest.mark.parametrize("content", ["[", "- a\n", "a: &x [*x]\n", "!!python/object/apply:os.system ['true']", "\x00"])
def test_a_file_that_is_none_of_ours_is_refused(tmp_path, content):
    (tmp_path / "tiangong.yaml").write_text(content)
    with pytest.raises(SettingsError, match=r"tiangong\.yaml"):
        load({"home": tmp_path}, {})


def test_a_file_that_was_named_must_be_there(tmp_path):
    with pytest.raises(SettingsError, match="does not exist"):
        load({}, {}, tmp_path / "mine.yaml")
    assert load({"home": tmp_path}, {}).port == 8080


def test_variables_of_others_and_empty_ones_are_left_alone():
    assert load({}, {f"TIANGONG_{name}": "x" for name in OTHERS} | {"TIANGONG_PORT": "", "PATH": "/bin"}).port == 8080


def test_lists_come_with_commas_or_as_lists(tmp_path):
    (tmp_path / "tiangong.yaml").write_text("git_file_roots: [/a, /b]\n")
    found = load({"home": tmp_path}, {"TIANGONG_KAFKA_BOOTSTRAP_SERVERS": "a:9092, b:9092"})
    assert (found.git_file_roots, found.kafka_bootstrap_servers) == ((Path("/a"), Path("/b")), ("a:9092", "b:9092"))


def test_the_home_is_where_such_things_belong():
    assert default_home({"XDG_DATA_HOME": "/data"}) == Path("/data/tiangong")
    assert load({"home": "relative"}, {}).home.is_absolute()


def test_secrets_do_not_show_themselves():
    assert "hidden" not in repr(load({}, {"TIANGONG_SECRET_KEY": "hidden", "TIANGONG_DATABASE_URL": "postgresql://u:hidden@h/db"}))

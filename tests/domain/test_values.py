"""Names of repositories and versions, and settings: what means the same, what comes next, what is refused."""

import pytest
from hypothesis import given as over
from hypothesis import strategies as st

from domain.config import MASK, is_number, is_reference, masked, references, validate
from domain.errors import Invalid
from domain.version.values import next_patch, repository_key


@pytest.mark.parametrize("url", [
    "https://github.com/Org/repo", "https://github.com/Org/repo.git", "https://github.com/Org/repo/", "http://user:token@GitHub.com/Org/repo.git",
    "git@github.com:Org/repo.git", "ssh://git@github.com/Org/repo.git", "git://github.com/Org/repo", "  https://github.com/Org/repo  ",
    "HTTPS://github.com/Org/repo", "github.com/Org/repo", "https://github.com/Org/repo.git/",
])
def test_a_repository_is_the_same_however_it_is_addressed(url):
    assert repository_key(url) == "github.com/Org/repo"


@pytest.mark.parametrize(("one", "other"), [
    ("https://github.com/Org/repo", "https://github.com/org/repo"),  # a path may tell case apart
    ("https://github.com/Org/repo", "https://gitlab.com/Org/repo"),
    ("https://github.com/Org/repo", "https://github.com/Org/repo2"),
    ("https://github.com/Org/repo", "https://github.com:8443/Org/repo"),
    ("file:///srv/git/a.git", "file:///srv/git/b.git"),
])
def test_what_differs_is_not_taken_for_the_same(one, other):
    assert repository_key(one) != repository_key(other)


@pytest.mark.parametrize(("url", "key"), [
    ("https://git.example:8443/a/b.git", "git.example:8443/a/b"),
    ("ssh://git@git.example:2222/a/b.git", "git.example:2222/a/b"),
    ("file:///srv/git/app.git", "/srv/git/app"),
    ("git@host:sub/group/app.git", "host/sub/group/app"),
])
def test_ports_and_paths_stay(url, key):
    assert repository_key(url) == key


@over(st.from_regex(r"(https?|ssh|git)://([a-z]{1,8}@)?[a-zA-Z]{1,8}(:[0-9]{1,4})?(/[a-zA-Z0-9._-]{1,8}){1,3}", fullmatch=True))
def test_a_key_is_its_own_key(url):
    assert repository_key(repository_key(url)) == repository_key(url) or ":" in repository_key(url)


@pytest.mark.parametrize(("tags", "following"), [
    ([], "v0.1.0"),
    (["latest", "release-1"], "v0.1.0"),
    (["v1.2.3"], "v1.2.4"),
    (["v1.2.9", "v1.2.10"], "v1.2.11"),
    (["v1.2.3", "v1.10.0", "v1.9.9"], "v1.10.1"),
    (["1.2.3"], "v1.2.4"),
    (["v1.2.3", "v2.0.0-rc1", "v9", "v1.2.3.4"], "v1.2.4"),
    (["v0.0.0"], "v0.0.1"),
])
def test_the_next_version_is_the_patch_after_the_highest(tags, following):
    assert next_patch(tags) == following


@over(st.lists(st.builds("v{}.{}.{}".format, *[st.integers(0, 30)] * 3), min_size=1))
def test_the_next_version_is_new_and_above_all_others(tags):
    following = next_patch(tags)
    assert following not in tags
    assert all(tuple(map(int, tag[1:].split("."))) < tuple(map(int, following[1:].split("."))) for tag in tags)


KEYS, NUMBERS, SECRETS = {"port", "name", "key", "args"}, {"port"}, {"key"}


@pytest.mark.parametrize("config", [
    {}, {"port": 8080}, {"port": "8080"}, {"port": 0}, {"port": 80.5}, {"name": ["a", {"b": 1}]}, {"key": "plain"}, {"key": MASK},
    {"args": {"secret": "of the application's own"}},
])
def test_settings_that_exist_and_fit_pass(config):
    validate(config, KEYS, NUMBERS, SECRETS)


@pytest.mark.parametrize(("config", "field"), [
    ({"prot": 1}, "config.prot"), ({"port": "http"}, "config.port"), ({"port": -1}, "config.port"), ({"port": True}, "config.port"),
    ({"port": None}, "config.port"), ({"port": 1e9}, "config.port"), ({"port": "٣"}, "config.port"), ({"port": ""}, "config.port"),
    ({"port": float("nan")}, "config.port"),
    ({"key": ""}, "config.key"), ({"key": 5}, "config.key"), ({"key": {"secret": "sec_1"}}, "config.key"),
    ({"name": {"secret": "sec_1"}}, "config.name"),
])
def test_a_setting_that_does_not_fit_is_refused_by_name(config, field):
    with pytest.raises(Invalid) as refusal:
        validate(config, KEYS, NUMBERS, SECRETS)
    assert refusal.value.details["field"] == field


def test_an_unknown_setting_is_told_what_there_is():
    with pytest.raises(Invalid) as refusal:
        validate({"prot": 1}, KEYS, NUMBERS, SECRETS)
    assert refusal.value.details["known"] == ["args", "key", "name", "port"]


def test_references_are_the_secret_settings_and_answers_show_the_mask():
    config = {"ssh_key": {"secret": "sec_1"}, "build_args": {"secret": "mine"}, "hosts": ["a"]}
    assert references(config) == {"ssh_key": "sec_1"}
    assert masked(config) == {**config, "ssh_key": MASK}


@pytest.mark.parametrize("value", ["sec_1", {"secret": 1}, {"secret": "sec_1", "more": 2}, {}, None, [{"secret": "sec_1"}]])
def test_what_only_looks_like_a_reference_is_none(value):
    assert not is_reference(value)


@over(st.integers(0, 10**9 - 1))
def test_every_small_natural_number_is_one_as_digits_too(number):
    assert is_number(number)
    assert is_number(str(number))

from domain.user.events import UserCreated
from domain.version.events import VersionCreated, VersionDeleted, VersionVerified
from projections.queries import get_version, list_versions, tags_of
from tests.projections.facts import fact, later

REPOSITORY = "https://github.com/org/repo"


def version(stream: str, tag: str = "v1.0.0", repository: str = REPOSITORY, **fields):
    return fact(VersionCreated, stream, **{"git_tag": tag, "git_commit": "abc123def456", "repository": repository, **fields})


async def test_a_version_is_printed_as_s1_prints_it(given, pool):
    given(fact(UserCreated, "usr_ann", username="ann", email="user@example.com", roles=()),
          version("ver_123456", description="Release version 1.0.0"))
    assert await get_version(pool, "ver_123456") == {
        "id": "ver_123456", "git_tag": "v1.0.0", "git_commit": "abc123def456", "repository": REPOSITORY, "created_by": "user@example.com",
        "created_at": later(2), "updated_at": later(2), "description": "Release version 1.0.0",
        "verified": False, "tag_created": False, "pull_request": None, "source": "api", "stream_version": 1, "position": 2,
    }


async def test_a_version_that_was_read_back_is_verified_and_has_the_whole_commit(given, pool):
    given(version("ver_1", pull_request=7), fact(VersionVerified, "ver_1", git_commit="abc123def456" + "0" * 28))
    found = await get_version(pool, "ver_1")
    assert (found["verified"], found["git_commit"], found["pull_request"]) == (True, "abc123def456" + "0" * 28, 7)
    assert (found["updated_at"], found["stream_version"], found["position"]) == (later(2), 2, 2)


async def test_a_deleted_version_is_in_no_list_and_its_tag_stays_used(given, pool):
    given(version("ver_1"), version("ver_2", "v1.0.1"), fact(VersionDeleted, "ver_1"))
    assert await get_version(pool, "ver_1") is None
    rows, total, _ = await list_versions(pool)
    assert ([row["id"] for row in rows], total) == (["ver_2"], 1)
    assert await tags_of(pool, REPOSITORY) == ["v1.0.0", "v1.0.1"]


async def test_versions_are_found_by_any_spelling_of_their_repository(given, pool):
    given(version("ver_1"), version("ver_2", repository="git@github.com:org/repo.git"), version("ver_3", repository="https://github.com/org/other"))
    rows, total, _ = await list_versions(pool, repository="https://GitHub.com/org/repo/")
    assert ([row["id"] for row in rows], total) == (["ver_2", "ver_1"], 2)
    assert (await list_versions(pool, repository="https://github.com/none"))[:2] == ([], 0)


async def test_who_made_it_is_the_e_mail_else_the_name_else_the_actor(given, pool):
    given(fact(UserCreated, "usr_1", username="ann", email="ann@example.com", roles=()),
          fact(UserCreated, "usr_2", username="bob", email="", roles=()),
          version("ver_1", by="usr_1"), version("ver_2", by="usr_2"), version("ver_3", by="system:webhooks"))
    rows, _, _ = await list_versions(pool)
    assert [row["created_by"] for row in rows] == ["system:webhooks", "bob", "ann@example.com"]

from domain.application.events import ApplicationChanged, ApplicationCreated, ApplicationDeleted
from projections.queries import get_application, list_applications, live_applications
from tests.projections.facts import fact, later

REPOSITORY = "https://github.com/org/repo"


def application(stream: str, name: str = "api-service", **fields):
    return fact(ApplicationCreated, stream, **{"name": name, "repository": REPOSITORY, "type": "microservice", "config": {}, **fields})


async def test_an_application_is_printed_as_s1_prints_it(given, pool):
    config = {"dockerfile": "Dockerfile", "build_args": "arg1=value1", "port": "8080"}
    given(application("app_1", config=config))
    assert await get_application(pool, "app_1") == {
        "id": "app_1", "name": "api-service", "repository": REPOSITORY, "type": "microservice", "config": config,
        "created_at": later(1), "updated_at": later(1), "stream_version": 1, "position": 1}


async def test_a_change_shows_and_a_secret_never_does(given, pool):
    given(application("app_1"), fact(ApplicationChanged, "app_1", name="api-service-v2", type="worker",
                                     config={"git_token": {"secret": "sec_1"}, "auto_deploy": ["env_1"]}))
    found = await get_application(pool, "app_1")
    assert (found["name"], found["type"], found["config"]) == ("api-service-v2", "worker", {"git_token": "********", "auto_deploy": ["env_1"]})
    assert (found["created_at"], found["updated_at"], found["stream_version"]) == (later(1), later(2), 2)


async def test_a_deleted_application_is_gone(given, pool):
    given(application("app_1"), application("app_2"), fact(ApplicationDeleted, "app_1"))
    assert await get_application(pool, "app_1") is None
    assert [row["id"] for row in await live_applications(pool)] == ["app_2"]
    assert (await list_applications(pool))[1] == 1


async def test_applications_are_filtered_by_repository_and_type(given, pool):
    given(application("app_1"), application("app_2", type="job"), application("app_3", repository="https://github.com/org/other", type="job"))
    assert [row["id"] for row in (await list_applications(pool, repository="git@github.com:org/repo"))[0]] == ["app_2", "app_1"]
    assert [row["id"] for row in (await list_applications(pool, type="job"))[0]] == ["app_3", "app_2"]
    assert [row["id"] for row in (await list_applications(pool, repository=REPOSITORY, type="job"))[0]] == ["app_2"]

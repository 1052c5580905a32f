"""The server's key is lost for ever: everybody is forgotten, and the server starts again once its operator has said so (docs/audit.md)."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from adapters.event_store.person_keys import WrongKey
from adapters.event_store.reading import reader
from api.home import Home
from api.wiring.database import as_server
from api.wiring.keys import fitting_key
from api.wiring.server import ensure_admin
from application.users import CreateUser
from projections.catalogue import PROJECTIONS
from projections.engine.check import check
from projections.engine.rebuild import rebuild
from tests.personal.house import ADDRESS, NAME, serving


async def test_it_starts_again_and_its_admin_is_still_its_admin(settings, database, admin, capsys):
    lost = settings.model_copy(update={"secret_key": SecretStr("the key that is lost"), "admin_token": SecretStr("the-admin-token")})
    async with serving(lost, as_server(database)) as server:
        await ensure_admin(server.core)
        ann = await server.person(NAME, ADDRESS, "viewer")
    new = lost.model_copy(update={"secret_key": SecretStr("another key for all")})
    with pytest.raises(WrongKey):
        fitting_key(new, Home(new.home), as_server(database))
    text = (Path(__file__).parents[2] / "docs/audit.md").read_text()
    admin.execute(re.search(r"`(update log.person_keys .*?)`", text)[1])
    rebuild(database, reader(fitting_key(new, Home(new.home), as_server(database))), PROJECTIONS)
    async with serving(new, as_server(database)) as server:
        await ensure_admin(server.core)
        await ensure_admin(server.core)
        assert (await server.core.users.authenticate("the-admin-token")).roles == {"admin"}
        async with server.client("the-admin-token") as client:
            assert (await client.get(f"/api/v1/users/{ann}")).json()["username"] == "(forgotten)"
        assert (await server.core.users.create(server.by("another"), CreateUser(NAME))).id != ann
        await server.seen(await server.head())
    assert check(database, reader(fitting_key(new, Home(new.home), as_server(database))), PROJECTIONS).ok

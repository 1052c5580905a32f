"""Settings of applications and environments: checked, and their secrets put where no event, log or answer shows them."""

from collections.abc import Collection

from application.ports.secrets import Secrets
from domain.config import MASK, references, validate
from domain.errors import Invalid
from domain.event import Json


async def conceal(config: Json, stored: Json, keys: Collection[str], numbers: Collection[str], secret: Collection[str], secrets: Secrets) -> Json:
    """The config as events keep it: each secret as a reference. The mask in a secret's place keeps the stored one."""
    kept = references(stored)
    validate(config, keys, numbers, secret)
    concealed = dict(config)
    for key in sorted(config.keys() & set(secret)):
        if config[key] != MASK:
            concealed[key] = {"secret": await secrets.put(str(config[key]))}
        elif key in kept:
            concealed[key] = {"secret": kept[key]}
        else:
            raise Invalid(f"there is no stored {key} that the mask could stand for", field=f"config.{key}")
    return concealed


def without_secrets(config: Json, secret: Collection[str]) -> Json:
    """A config as it may be digested: a digest over a short secret could be guessed."""
    return {key: MASK if key in secret else value for key, value in config.items()}

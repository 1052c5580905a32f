"""The parts that request bodies are made of. snake_case and camelCase are both understood; what is not known is refused by name."""

from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, AliasGenerator, BaseModel, ConfigDict, StringConstraints
from pydantic.alias_generators import to_camel

from api import shapes

MOST_KEYS, MOST_ENTRIES = 200, 100


def either_case(name: str) -> AliasChoices:
    return AliasChoices(name, to_camel(name))


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True,
                              alias_generator=AliasGenerator(validation_alias=either_case))


def few(value: dict[str, Any]) -> dict[str, Any]:
    if len(value) > MOST_KEYS:
        raise ValueError(f"must have at most {MOST_KEYS} keys")
    return value


def each_once(value: list[str]) -> list[str]:
    if len(set(value)) < len(value):
        raise ValueError("an entry stands twice")
    return value


Line = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True), AfterValidator(shapes.clean)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), AfterValidator(shapes.clean)]
Text = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(shapes.clean_lines)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(shapes.clean)]
Config = Annotated[dict[str, Any], AfterValidator(few)]
GitTag = Annotated[str, AfterValidator(shapes.git_tag)]
GitCommit = Annotated[str, AfterValidator(shapes.git_commit)]
Repository = Annotated[str, AfterValidator(shapes.repository)]


class Nothing(Body):
    """`{}`, as the documents print it for verbs that need no more."""

"""Parts that a machine may lack: a test that needs one is skipped with the reason, unless TIANGONG_REQUIRE names the part."""

import os

import pytest


def require(part: str, present: bool, reason: str) -> None:
    """Go on where the part is there. Otherwise skip, or fail if `TIANGONG_REQUIRE` (`kafka,ssh,…`) asks for it."""
    if present:
        return
    if part in os.environ.get("TIANGONG_REQUIRE", "").split(","):
        pytest.fail(f"{part} is required here: {reason}")
    pytest.skip(f"{part}: {reason}")

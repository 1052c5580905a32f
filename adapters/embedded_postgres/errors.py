"""What can go wrong with the embedded PostgreSQL."""


class EmbeddedPostgresError(Exception):
    """The server cannot be had, or not be stopped. The message says what to do, with PostgreSQL's own words where it spoke."""

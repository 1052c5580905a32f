"""Why the domain says no. Each class has one meaning at every door (REST: see `api.errors`).

DomainError
├── Invalid      the request can never be right: a field and why (400)
├── NotFound     there is no such thing (404)
└── Refused      the present state does not allow it; the message says what would (409)
"""


class DomainError(Exception):
    """The base of all refusals."""

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class Invalid(DomainError):
    """The request can never be right, whatever the state."""


class NotFound(DomainError):
    """There is no such thing, or not for you."""


class Refused(DomainError):
    """A command that the present state does not allow. The message tells the caller what would."""

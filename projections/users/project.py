"""Facts about users and tokens as rows."""

from domain.personal import FORGOTTEN
from domain.recorded import Recorded
from domain.user.events import TokenIssued, TokenRevoked, UserCreated, UserForgotten
from projections.engine.projection import Statement, events_of, row

HANDLES = {UserCreated, UserForgotten, TokenIssued, TokenRevoked}
IGNORES = events_of("version", "application", "environment", "lane", "deployment", "task", "change", "notification", "delivery", "name")


def project(recorded: Recorded) -> list[Statement]:
    match event := recorded.event:
        case UserCreated():
            email = "" if event.email == FORGOTTEN else event.email
            return [("insert_user", row(recorded, username=event.username, email=email, roles=list(event.roles)))]
        case TokenIssued():
            return [("insert_token", row(
                recorded, user_id=event.user_id, name=event.name, expires_at=event.expires_at, forgotten=FORGOTTEN))]
        case UserForgotten():
            return [("forget_user", row(recorded, forgotten=FORGOTTEN)), ("forget_tokens", row(recorded, forgotten=FORGOTTEN))]
        case TokenRevoked():
            return [("revoke_token", row(recorded, reason=event.reason))]
    return []

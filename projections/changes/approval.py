"""Who agreed to a deployment: whoever approved the change that it carries out, else whoever let it start by hand."""

from projections.users.people import join_person, printed

STANDS = "('approved', 'executing', 'completed', 'failed')"
"""A change's states after somebody's yes. In the others its `approver_id` may be of one who said no."""
BY_HAND = "t.manual_approval and t.decision = 'continue'"
JOIN_APPROVAL = f"""
  left join changes g on g.id = t.change_id and g.status in {STANDS}
  {join_person('g.approver_id', 'ga')}"""
"""Beside a deployment `t` and who confirmed it, `c`."""
APPROVED_BY = f"""case when g.id is not null then {printed('g.approver_id', 'ga')}
                       when {BY_HAND} then {printed('t.confirmed_by', 'c')} end"""
APPROVED_AT = f"case when g.id is not null then g.decided_at when {BY_HAND} then t.confirmed_at end"

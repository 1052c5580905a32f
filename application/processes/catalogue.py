"""All processes, by the name under which their commands are known in the log.

Those of WAITING need what the read models know, and wait for them; they run apart, so that nobody else waits with them.
"""

from application.processes import alerts, auto_deploy, deadlines, erasure, rollback, rollout
from application.processes.reactions import React

PROCESSES: dict[str, React] = {
    "deadlines": deadlines.react,  # first: nothing runs before its deadline is stored
    "rollout": rollout.react,
    "rollback": rollback.react,
    "auto_deploy": auto_deploy.react,
    "alerts": alerts.react,
    "erasure": erasure.react,
    "sweeping": erasure.sweep,
}
WAITING = frozenset({"auto_deploy", "sweeping"})

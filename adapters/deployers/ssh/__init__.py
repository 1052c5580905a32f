"""Physical hosts over SSH: kept release folders, an atomic switch, a restart, and receipts on the host.

All that changes a host is a script of this folder that runs there, detached; this side starts it, follows it and looks.
"""

from adapters.deployers.ssh.connection import Patience
from adapters.deployers.ssh.deployer import SshDeployer

__all__ = ["Patience", "SshDeployer"]

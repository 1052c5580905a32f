"""The deployer of physical hosts keeps the contract: on OpenSSH, on our own SSH host, and where there is nothing but busybox."""

import pytest

from tests.deployers.contract import DeployerContract

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("ssh_host", ["openssh", "asyncssh", "busybox"], indirect=True, scope="module")
class TestSshDeployer(DeployerContract):
    pass

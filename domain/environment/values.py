"""The settings that an environment of each type may have (contract §6)."""

_SSH = frozenset({"hosts", "ssh_user", "ssh_key", "known_hosts"})
KEYS = {
    "kubernetes": frozenset({"cluster", "namespace", "kubeconfig", "context", "deployment_strategy", "health_check_enabled", "timeout", "service",
                             "workload"}),
    "physical": _SSH | {"deploy_path", "service_name", "restart_command", "keep_releases", "switch_command", "drain_command", "deployment_strategy",
                        "timeout"},
    "docker_compose": _SSH | {"docker_host", "project", "compose_file", "registry", "registry_user", "registry_password", "switch_command",
                              "drain_command", "deployment_strategy", "timeout"},
    "agent": frozenset({"agents", "labels", "deploy_path", "timeout"}),
    "cloud": frozenset({"labels", "timeout"}),
    "memory": frozenset({"deployment_strategy", "timeout"}),
}
"""`memory` keeps what is deployed in the server's memory: for trying things out, and for tests."""
SECRETS = frozenset({"kubeconfig", "ssh_key", "registry_password"})
NUMBERS = frozenset({"timeout", "keep_releases"})
STRATEGIES = frozenset({"rolling-update", "blue-green", "canary", "all-at-once"})

"""The settings that an application may have (contract §6)."""

KEYS = frozenset({
    "context", "install_command", "build_command", "test_command", "coverage_threshold", "coverage_report", "artifact", "dockerfile", "build_args",
    "image", "tags", "manifest", "auto_deploy", "auto_deploy_after", "git_user", "git_token", "git_ssh_key", "replicas", "max_unavailable",
    "compose_file", "port", "endpoint", "expected_status", "timeout",
})
SECRETS = frozenset({"git_token", "git_ssh_key"})
NUMBERS = frozenset({"port", "expected_status", "timeout", "coverage_threshold", "replicas", "max_unavailable"})

"""What people and processes may do with deployments."""

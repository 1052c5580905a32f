"""Deployers: what changes a target. `memory` for tests, `ssh` for physical hosts; one contract test suite holds for all."""

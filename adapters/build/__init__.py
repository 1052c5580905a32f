"""Builds: a checkout of the exact commit, the owner's commands, a package. The job types `build`, `test`, `custom` and `prepare`."""

"""Environments: where applications run, how they are, what runs there, and who is on the way in."""

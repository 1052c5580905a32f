"""What the campaign's builds print, so that its checks know what must be there."""

LINES = 200
"""Numbered lines of each test task."""

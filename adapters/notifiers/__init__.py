"""Channels to people: the server's own log, and mail."""

from adapters.notifiers.log import LogNotifier
from adapters.notifiers.mail import MailNotifier

__all__ = ["LogNotifier", "MailNotifier"]

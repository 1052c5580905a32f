"""The channel that is always there: the server's log."""

import logging

from application.ports.notifier import Message

logger = logging.getLogger("tiangong.notifications")


class LogNotifier:
    channel = "log"

    async def send(self, message: Message) -> str:
        logger.warning("%s\n%s", message.subject, message.text)
        return f"log:{message.id}"

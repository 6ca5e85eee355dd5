"""A channel of our own: a push message through ntfy, with the address in plugins.options."""

from aiops_processor.models.notification import Receipt
from aiops_processor.notifiers.http import HttpOptions, Post
from aiops_processor.plugins import plugin


@plugin("notifier")
class Ntfy:
    Options, name = HttpOptions, "ntfy"

    def __init__(self, options):
        self.post = Post("ntfy", options)

    async def send(self, message, key, previous):
        headers = {"content-type": "text/plain", "x-title": message.occasion.value, "x-id": key}
        return Receipt(data={"status": await self.post.send(message.incident.title, headers)})

    async def aclose(self):
        await self.post.aclose()

"""An action of our own: a notice on our status page, with the address in the list actions."""

from aiops_processor.actions.http import Api, ApiOptions
from aiops_processor.plugins import plugin


@plugin("action")
class StatusPage:
    Options, label = ApiOptions, "Tell customers"

    def __init__(self, options):
        self.api = Api("status page", options)

    def plan(self, message):
        return f"tell customers about {message.incident.title}"

    async def act(self, message, key):
        await self.api.send("", message.incident.model_dump_json(include={"title"}).encode(), {"idempotency-key": key})
        return "told customers"

    async def aclose(self):
        await self.api.aclose()

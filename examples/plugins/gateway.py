"""A model behind an address of our own: LLM_PROVIDER=gateway. What it raises means: try another, or again later."""

import httpx2

from aiops_processor.plugins import Answer, Options, plugin


@plugin("model")
class Gateway:
    class Options(Options):
        url: str

    name, prompt_tokens = "gateway", 8000

    def __init__(self, options):
        self.client, self.url = httpx2.AsyncClient(timeout=60), options.url

    async def ask(self, system, question):
        reply = await self.client.post(self.url, json={"system": system, "question": question})
        return Answer(text=reply.raise_for_status().json()["text"], model="gateway")

    async def aclose(self):
        await self.client.aclose()

"""Middleware of our own: every answer carries an id that our proxy logs."""

from uuid import uuid4

from aiops_processor.plugins import plugin


@plugin("middleware")
def request_ids(app):
    async def around(scope, receive, send):
        async def with_id(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", uuid4().hex.encode())]
            await send(message)

        await app(scope, receive, with_id)

    return around

"""Small parts that both replayed APIs share: parameters of a request, JSON, plain text."""

from collections.abc import Callable
from urllib.parse import parse_qsl

import msgspec
from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

Parameters = ImmutableMultiDict[str, str]


async def parameters_of(request: Request) -> Parameters:
    """Of the form, where there is one, and of the query string; the form comes first."""
    form = parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True)
    return ImmutableMultiDict([*form, *request.query_params.multi_items()])


def json_answer(content: object, status: int = 200, media_type: str = "application/json") -> Response:
    return Response(msgspec.json.encode(content), status, media_type=media_type)


async def not_found(_request: Request, _error: Exception) -> Response:
    """Go's own answer to an unknown path."""
    return PlainTextResponse("404 page not found\n", 404)


def plain_answer(text: str) -> Callable[[Request], Response]:
    def endpoint(_request: Request) -> Response:
        return PlainTextResponse(text)

    return endpoint

"""The console: incidents, and one incident with its evidence. Plain HTML without a script.

Its forms are in incident_forms.py.

Everything shown was written by somebody else: label values, log lines, a model. It is escaped, loses what would
rewrite the reader's screen, and meets a Content-Security-Policy under which nothing of it could run.
"""

import functools
import re
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.exceptions import HTTPException

from aiops_processor.errors import StorageError
from aiops_processor.report.numbers import moment
from aiops_processor.report.words import clean
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.web.api import load_detail
from aiops_processor.web.console import action_view, view
from aiops_processor.web.service import Running

PAGE_SIZE = 25
GONE = 404
LARGEST_ID = 2**63 - 1
HERE = Path(__file__).parent
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
NOT_STORED = {"Cache-Control": "no-store"}  # an incident page may hold what only its readers may see, and ages fast
NEW_COPY_EACH_HOUR = {"Cache-Control": "public, max-age=3600"}

_CITATION = re.compile(r"\b([A-Z]\d{1,4})\b")


class PageRoute(APIRoute):
    """Answers with a page when something is wrong, too, and puts the headers on all of them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                response = await handle(request)
            except HTTPException as error:
                gone = {} if error.status_code == GONE else {"reason": ""}
                response = render(request, "problem.html", error.status_code, title=error.detail, **gone)
            except StorageError as error:
                response = render(request, "problem.html", 503, title="Our store does not answer", reason=str(error))
            response.headers.update(HEADERS)
            return response

        return answer


router = APIRouter(include_in_schema=False, route_class=PageRoute, default_response_class=HTMLResponse)


@router.get("/")
@router.get("/incidents")
async def incidents(request: Request, service: Running, before: Annotated[str, Query()] = "") -> Response:
    """The list, newest first; `before` is the last id of the page before."""
    async with service.database.read() as connection:
        found = await incident_rows.recent(connection, PAGE_SIZE + 1, typed_id(before))
        shown = found[:PAGE_SIZE]
        counts = await incident_rows.episode_counts(connection, [incident.id for incident in shown])
        analyses = {each.id: (await incident_rows.latest_analysis(connection, each.id))[1] for each in shown}
    now = service.clock.now()
    rows = [view.row(each, counts.get(each.id, 0), analyses[each.id], now) for each in shown]
    return render(request, "incidents.html", rows=rows, now=now, paged=bool(before), more=len(found) > PAGE_SIZE)


@router.get("/incidents/{incident_id}")
@router.get("/incidents/{incident_id}/")
async def incident(request: Request, service: Running, incident_id: str) -> Response:
    """One incident with its evidence."""
    number = typed_id(incident_id)
    detail = await load_detail(service, number) if number else None
    if detail is None:
        raise HTTPException(404, f"There is no incident {incident_id}")
    now, acts = service.clock.now(), service.actions
    caller = getattr(request.state, "caller", None)
    reader = caller.name if caller else ""
    actions = action_view.actions(detail.actions, detail.incident, acts.for_asking(), acts.approvers, reader)
    return render(request, "incident.html", page=view.page(detail, now), actions=actions, now=now)


@router.get("/static/{name:path}")
async def static(request: Request, name: str) -> Response:
    """The style sheet. Its address carries our version, so that an upgrade is seen at once."""
    response = await StaticFiles(directory=HERE / "static").get_response(name, request.scope)
    response.headers.update(NEW_COPY_EACH_HOUR)
    return response


def typed_id(text: str) -> int | None:
    """An id as a person may type it, None for what cannot be one."""
    number = int(text) if text.isdecimal() and len(text) < 20 else 0
    return number if 0 < number <= LARGEST_ID else None


def render(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """A page. Its links are relative, so that it works behind a proxy that puts us under a path of its own."""
    root = "../" * (request.scope["path"].count("/") - 1) or "./"
    caller = getattr(request.state, "caller", None)
    text = _templates().get_template(template).render(values, root=root, version=request.app.version, caller=caller)
    return HTMLResponse(text, status, headers=NOT_STORED)


@functools.cache
def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_one_line,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., Any]] = {
        "moment": moment,
        "address": view.address,
        "host": view.host,
        "lines": _lines,
        "cited": _cited,
    }
    templates.filters |= filters
    return templates


def _one_line(value: Any) -> Any:
    """Every text that a template prints goes through here, so that none can be forgotten."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _lines(text: str) -> Markup:
    """Text whose lines and their indentation are kept: log lines, commands, stack traces."""
    lines = text.expandtabs(4).splitlines()
    return Markup("\n").join(" " * (len(line) - len(line.lstrip(" "))) + escape(clean(line)) for line in lines)


def _cited(text: str, known: frozenset[str]) -> Markup:
    """Text in which the ids of findings lead to them."""
    parts = _CITATION.split(clean(text))
    link = Markup('<a class="cite" href="#{0}">{0}</a>')
    return Markup("").join(link.format(part) if part in known else escape(part) for part in parts)

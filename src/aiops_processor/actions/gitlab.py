"""Issues in GitLab. Source: https://docs.gitlab.com/api/issues/ and https://docs.gitlab.com/api/notes/."""

from datetime import datetime
from typing import ClassVar
from urllib.parse import quote

import httpx2
import msgspec
from pydantic import BaseModel, Field

from aiops_processor.actions.http import Api, ApiOptions
from aiops_processor.actions.tickets import Ticket, TicketAction, fenced


class GitLabOptions(ApiOptions):
    """`project` is GROUP/NAME or its number. The token needs the scope `api`."""

    url: str = "https://gitlab.com"
    project: str = Field(min_length=1)
    labels: tuple[str, ...] = ("aiops",)


class _Issue(msgspec.Struct):
    iid: int
    description: str | None = None


class _Note(msgspec.Struct):
    body: str = ""


class GitLab:
    """One project. The mark is a comment of HTML in the description, which is searched for."""

    def __init__(self, options: GitLabOptions, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self.where = f"GitLab {options.project}"
        self._labels = options.labels
        self._issues = f"/api/v4/projects/{quote(options.project, safe='')}/issues"
        self._api = Api("gitlab", options, transport)

    async def create(self, title: str, text: str, mark: str) -> Ticket:
        body = {
            "title": title,
            "description": f"{fenced(text)}\n\n{_hidden(mark)}",
            "labels": ",".join(self._labels),
        }
        return _ticket(await self._api.write(self._issues, msgspec.json.encode(body), _Issue))

    async def find(self, mark: str, since: datetime) -> Ticket | None:
        asked = {
            "search": mark,
            "in": "description",
            "scope": "all",
            "per_page": "100",
            "updated_after": f"{since:%Y-%m-%dT%H:%M:%SZ}",
        }
        found = await self._api.read(self._issues, asked, list[_Issue])
        return next((_ticket(each) for each in found if _hidden(mark) in (each.description or "")), None)

    async def comment(self, ticket: Ticket, text: str, key: str) -> None:
        body = msgspec.json.encode({"body": f"{fenced(text)}\n\n{_hidden(key)}"})
        await self._api.write(f"{self._issues}/{ticket.id}/notes", body, msgspec.Raw)

    async def has_comment(self, ticket: Ticket, key: str) -> bool:
        asked = {"sort": "desc", "order_by": "created_at", "per_page": "100"}
        found = await self._api.read(f"{self._issues}/{ticket.id}/notes", asked, list[_Note])
        return any(_hidden(key) in each.body for each in found)

    async def aclose(self) -> None:
        await self._api.aclose()


class GitLabAction(TicketAction):
    """An issue in GitLab."""

    Options: ClassVar[type[BaseModel]] = GitLabOptions

    def __init__(self, options: GitLabOptions, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        super().__init__(GitLab(options, transport))


def _ticket(issue: _Issue) -> Ticket:
    return Ticket(str(issue.iid), f"#{issue.iid}")


def _hidden(what: str) -> str:
    return f"<!-- aiops {what} -->"

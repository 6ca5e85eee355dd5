"""Tickets in Jira, Cloud or Data Center.

Source: https://developer.atlassian.com/cloud/jira/platform/rest/v2/ (Cloud: a user name with an API token as the
password) and https://developer.atlassian.com/server/jira/platform/rest/ (Data Center: a token).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from urllib.parse import quote

import httpx2
import msgspec
from pydantic import BaseModel, Field

from aiops_processor.actions.http import Api, ApiOptions
from aiops_processor.actions.tickets import Ticket, TicketAction

_SEARCHES = ("/rest/api/2/search/jql", "/rest/api/2/search")
"""Cloud's, which Data Center does not know, and Data Center's, which Cloud has no longer."""


class JiraOptions(ApiOptions):
    """`project` is its key. `labels` are put on a ticket beside the mark by which it is found again."""

    project: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$")
    issue_type: str = "Bug"
    labels: tuple[str, ...] = ()


class _Issue(msgspec.Struct):
    key: str


class _Found(msgspec.Struct):
    issues: list[_Issue]


class _Comment(msgspec.Struct):
    body: str = ""


class _Comments(msgspec.Struct):
    comments: list[_Comment] = []


class Jira:
    """One project. The mark is a label, for a label can be searched for; a search knows it some seconds later."""

    def __init__(self, options: JiraOptions, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self.where = f"Jira project {options.project}"
        self._options = options
        self._api = Api("jira", options, transport)

    async def create(self, title: str, text: str, mark: str) -> Ticket:
        fields = {
            "project": {"key": self._options.project},
            "issuetype": {"name": self._options.issue_type},
            "summary": title,
            "description": _shown(text),
            "labels": [*self._options.labels, _label(mark)],
        }
        made = await self._api.write("/rest/api/2/issue", msgspec.json.encode({"fields": fields}), _Issue)
        return Ticket(made.key, made.key)

    async def find(self, mark: str, since: datetime) -> Ticket | None:  # noqa: ARG002 - the label says enough
        jql = f'project = "{self._options.project}" AND labels = "{_label(mark)}" ORDER BY created ASC'
        issues = await self._search({"jql": jql, "fields": "key", "maxResults": "1"})
        return Ticket(issues[0].key, issues[0].key) if issues else None

    async def comment(self, ticket: Ticket, text: str, key: str) -> None:
        body = msgspec.json.encode({"body": f"{_shown(text)}\n{key}"})
        await self._api.write(f"{_path(ticket)}/comment", body, msgspec.Raw)

    async def has_comment(self, ticket: Ticket, key: str) -> bool:
        asked = {"maxResults": "100", "orderBy": "-created"}
        found = await self._api.read(f"{_path(ticket)}/comment", asked, _Comments)
        return any(key in each.body for each in found.comments)

    async def aclose(self) -> None:
        await self._api.aclose()

    async def _search(self, asked: dict[str, str]) -> Sequence[_Issue]:
        cloud, data_center = _SEARCHES
        found = await self._api.read_if_there(cloud, asked, _Found)
        if found is None:
            found = await self._api.read(data_center, asked, _Found)
        return found.issues


class JiraAction(TicketAction):
    """A ticket in Jira."""

    Options: ClassVar[type[BaseModel]] = JiraOptions
    found_within_seconds = 600.0  # the search is told of new tickets later, usually within seconds, after a storm not

    def __init__(self, options: JiraOptions, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        super().__init__(Jira(options, transport))


def _label(mark: str) -> str:
    return f"aiops-{mark}"


def _path(ticket: Ticket) -> str:
    return f"/rest/api/2/issue/{quote(ticket.id, safe='')}"


def _shown(text: str) -> str:
    """As it is: in Jira's markup nothing else ends this block."""
    return f"{{noformat}}\n{text.replace('{noformat}', '{ noformat }').rstrip()}\n{{noformat}}"

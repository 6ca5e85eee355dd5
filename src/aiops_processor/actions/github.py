"""Issues on GitHub, or GitHub Enterprise (`url: https://HOST/api/v3`).

Source: https://docs.github.com/en/rest/issues. Issues are listed, not searched for: the search learns of a new one only
after a while, and a second one would be made.
"""

from datetime import datetime
from typing import ClassVar

import httpx2
import msgspec
from pydantic import BaseModel, Field

from aiops_processor.actions.http import Api, ApiOptions
from aiops_processor.actions.tickets import Ticket, TicketAction, fenced

MOST_PAGES = 10
PAGE = 100


class GitHubOptions(ApiOptions):
    """`repository` is OWNER/NAME. The token needs the right to write issues."""

    url: str = "https://api.github.com"
    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    labels: tuple[str, ...] = ("aiops",)


class _Issue(msgspec.Struct):
    number: int
    body: str | None = None


class _Comment(msgspec.Struct):
    body: str | None = None


class GitHub:
    """One repository. The mark is a comment of HTML, which nobody sees."""

    def __init__(self, options: GitHubOptions, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self.where = f"GitHub {options.repository}"
        self._labels = options.labels
        self._issues = f"/repos/{options.repository}/issues"
        self._api = Api("github", options, transport)

    async def create(self, title: str, text: str, mark: str) -> Ticket:
        body = {"title": title, "body": f"{fenced(text)}\n\n{_hidden(mark)}", "labels": self._labels}
        return _ticket(await self._api.write(self._issues, msgspec.json.encode(body), _Issue))

    async def find(self, mark: str, since: datetime) -> Ticket | None:
        asked = {"state": "all", "since": f"{since:%Y-%m-%dT%H:%M:%SZ}", "sort": "created", "direction": "desc"}
        labels = {"labels": self._labels[0]} if self._labels else {}
        for page in range(1, MOST_PAGES + 1):
            numbers = {"per_page": str(PAGE), "page": str(page)}
            found = await self._api.read(self._issues, {**asked, **labels, **numbers}, list[_Issue])
            for issue in found:
                if _hidden(mark) in (issue.body or ""):
                    return _ticket(issue)
            if len(found) < PAGE:
                break
        return None

    async def comment(self, ticket: Ticket, text: str, key: str) -> None:
        body = msgspec.json.encode({"body": f"{fenced(text)}\n\n{_hidden(key)}"})
        await self._api.write(f"{self._issues}/{ticket.id}/comments", body, msgspec.Raw)

    async def has_comment(self, ticket: Ticket, key: str) -> bool:
        for page in range(1, MOST_PAGES + 1):
            asked = {"per_page": str(PAGE), "page": str(page)}
            found = await self._api.read(f"{self._issues}/{ticket.id}/comments", asked, list[_Comment])
            if any(_hidden(key) in (each.body or "") for each in found):
                return True
            if len(found) < PAGE:
                break
        return False

    async def aclose(self) -> None:
        await self._api.aclose()


class GitHubAction(TicketAction):
    """An issue on GitHub."""

    Options: ClassVar[type[BaseModel]] = GitHubOptions

    def __init__(self, options: GitHubOptions, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        super().__init__(GitHub(options, transport))


def _ticket(issue: _Issue) -> Ticket:
    return Ticket(str(issue.number), f"#{issue.number}")


def _hidden(what: str) -> str:
    return f"<!-- aiops {what} -->"

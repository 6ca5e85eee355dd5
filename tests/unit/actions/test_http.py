"""What every action that speaks HTTP makes of an answer: certain, to be tried again, or not known."""

from typing import Any

import httpx2
import pytest

from aiops_processor import plugins
from aiops_processor.errors import DeliveryError, DeliveryRefused, DeliveryUnavailable, DeliveryUncertain
from aiops_processor.models.analysis import Verdict
from aiops_processor.models.notification import Message

pytestmark = pytest.mark.anyio

SECRET = "s3cr3t-t0ken"
ACTIONS: dict[str, dict[str, Any]] = {
    "jira": {"url": "https://x.example", "project": "OPS", "token": SECRET},
    "github": {"url": "https://x.example", "repository": "a/b", "token": SECRET},
    "gitlab": {"url": "https://x.example", "project": "a/b", "username": "me", "password": SECRET},
    "webhook": {"url": f"https://x.example/{SECRET}?key={SECRET}", "secret": SECRET},
    "scale": {
        "url": f"https://x.example/{SECRET}",
        "words": ["a"],
        "least_confidence": 0,
        "headers": {"X-Own": SECRET},
    },
}


@pytest.fixture(params=sorted(ACTIONS))
def act(request: pytest.FixtureRequest, message: Message) -> Any:
    """Does the action on a server that answers so; gives what it raised."""

    async def done(answer: Any) -> DeliveryError:
        def handle(asked: httpx2.Request) -> httpx2.Response:
            if isinstance(answer, Exception):
                raise answer
            return answer

        plugin = plugins.load("action", request.param)
        action = plugin(plugin.Options(**ACTIONS[request.param]), httpx2.MockTransport(handle))
        said = message.model_copy(update={"analysis": _capacity(message)})
        with pytest.raises(DeliveryError) as caught:
            await action.act(said, "key-1")
        assert SECRET not in str(caught.value)
        assert "x.example" in str(caught.value)
        return caught.value

    return done


def _capacity(message: Message) -> Any:
    assert message.analysis is not None
    return message.analysis.model_copy(update={"root_cause": "a lack", "outcome": Verdict.FOUND})


@pytest.mark.parametrize("status", [429, 503])
async def test_what_was_not_taken_may_be_asked_for_again(act: Any, status: int) -> None:
    error = await act(httpx2.Response(status, headers={"retry-after": "7"}))
    assert type(error) is DeliveryUnavailable
    assert error.retry_after == 7


@pytest.mark.parametrize("error", [httpx2.ConnectError("refused"), httpx2.ConnectTimeout("slow")])
async def test_who_was_not_reached_has_taken_nothing(act: Any, error: Exception) -> None:
    assert type(await act(error)) is DeliveryUnavailable


@pytest.mark.parametrize("status", [408, 500, 502, 504])
async def test_a_server_that_failed_may_have_taken_it(act: Any, status: int) -> None:
    assert type(await act(httpx2.Response(status, text=f"{SECRET} in a page"))) is DeliveryUncertain


@pytest.mark.parametrize(
    "error", [httpx2.ReadTimeout("slow"), httpx2.ReadError("gone"), httpx2.RemoteProtocolError("?")]
)
async def test_an_answer_that_was_lost_says_nothing(act: Any, error: Exception) -> None:
    assert type(await act(error)) is DeliveryUncertain


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 410, 422])
async def test_what_was_refused_is_refused_and_no_redirect_is_followed(act: Any, status: int) -> None:
    said = httpx2.Response(status, text=f"no, {SECRET}", headers={"location": "https://elsewhere.example"})
    assert isinstance(await act(said), DeliveryRefused)


async def test_an_answer_that_is_not_the_api_is_not_believed(message: Message, site: Any) -> None:
    action = site.action("jira", url="https://j.example", project="OPS")
    site.answers["POST /rest/api/2/issue"] = httpx2.Response(200, text="<html>please log in</html>")
    with pytest.raises(DeliveryUncertain, match="not its API"):
        await action.act(message, "k")
    site.answers["GET /rest/api/2/search/jql"] = httpx2.Response(200, text="<html>please log in</html>")
    with pytest.raises(DeliveryRefused, match="not its API"):
        await action.find(message, "k")

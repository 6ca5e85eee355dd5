"""The way past the routes: POSTs to the paths that it knows, and nothing else."""

import pytest
from fastapi import FastAPI, Request, Response
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from aiops_processor.web.edge.shortcut import Shortcut


async def quick(request: Request) -> Response:
    return Response(f"quick {request.app.title} {len(await request.body())}", 201)


@pytest.fixture
def client() -> TestClient:
    app = FastAPI(title="ours")
    app.add_api_route("/posts", lambda: "by its route", methods=["GET", "POST"])
    app.add_api_route("/posts/other", lambda: "by its route", methods=["POST"])
    app.user_middleware.append(Middleware(Shortcut, endpoints={"/posts": quick}))
    return TestClient(app)


def test_a_post_goes_straight_to_its_endpoint(client: TestClient) -> None:
    answered = client.post("/posts", content=b"four")
    assert (answered.status_code, answered.text) == (201, "quick ours 4")


@pytest.mark.parametrize(("method", "path"), [("GET", "/posts"), ("POST", "/posts/other")])
def test_all_else_goes_by_its_route(client: TestClient, method: str, path: str) -> None:
    assert client.request(method, path).json() == "by its route"

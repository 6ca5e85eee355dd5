import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aiops_processor.errors import InputError, NotAWebhook
from aiops_processor.models.change import PostedChange
from aiops_processor.services.change_bodies.judge import judge
from aiops_processor.web.examples import CHANGE

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
REPOSITORY = {"name": "checkout", "full_name": "shop/checkout", "default_branch": "main", "pushed_at": 1769860500}
DEPLOYMENT = {
    "id": 1,
    "sha": "c77e0d2c77e0d2c77e0d2",
    "ref": "v1.4.3",
    "environment": "production",
    "description": None,
    "created_at": "2026-01-31T11:57:00Z",
    "creator": {"login": "ann"},
    "payload": {},
}
APP = {
    "metadata": {"name": "checkout", "namespace": "argocd"},
    "spec": {"destination": {"namespace": "shop", "server": "https://kubernetes.default.svc", "name": "europe"}},
    "status": {
        "operationState": {
            "phase": "Succeeded",
            "startedAt": "2026-01-31T11:58:00Z",
            "finishedAt": "2026-01-31T11:58:40Z",
            "operation": {"initiatedBy": {"automated": True}},
            "syncResult": {"revision": "c77e0d2c77e0d2c77e0d2"},
        }
    },
}


def told(content: Any, **headers: str) -> tuple[PostedChange, ...]:
    return judge(json.dumps(content).encode(), {name.replace("_", "-"): v for name, v in headers.items()}, NOW).changes


def test_our_own_form_is_taken_as_it_stands() -> None:
    (change,) = told(CHANGE)
    assert (change.source, change.service, change.version, change.realm) == (
        "generic", "checkout", "1.4.3", {"cluster": "europe"},
    )  # fmt: skip
    assert change.at == datetime(2026, 1, 31, 11, 58, tzinfo=UTC)


def test_a_change_without_a_time_is_of_now() -> None:
    (change,) = told({"title": "flag flipped", "kind": "flag"})
    assert change.at == NOW


def test_a_list_is_taken_in_order() -> None:
    assert [change.title for change in told([{"title": "a"}, {"title": "b"}])] == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({}, "title"),
        ({"title": ""}, "title"),
        ({"title": "a", "kind": "party"}, "kind"),
        ({"title": "a", "at": "yesterday"}, "at"),
        ({"title": "a", "at": "2026-01-31T12:00:00"}, "at"),
        ({"title": "a", "at": "2026-01-31T12:06:00Z"}, "at"),
        ({"title": "a", "at": "0001-01-01T00:00:00+14:00"}, "at"),
        ({"title": "a", "url": "javascript:alert(1)"}, "url"),
        ({"title": "a", "sevrice": "b"}, "sevrice"),
        ({"title": "a", "labels": {"colour": "red"}}, "labels"),
        ([{"title": "a"}, {"title": 1}], "1.title"),
        ([{"title": "a"}, "b"], "1"),
        ("deployed", ""),
        ([], ""),
    ],
)
def test_what_is_wrong_is_named(content: Any, field: str) -> None:
    with pytest.raises(InputError) as refused:
        told(content)
    assert refused.value.field == field


def test_an_unknown_field_is_told_the_known_ones() -> None:
    with pytest.raises(InputError, match="known: at, author"):
        told({"title": "a", "sevrice": "b"})


def test_what_is_no_json_is_malformed() -> None:
    with pytest.raises(NotAWebhook) as refused:
        judge(b"deployed!", {}, NOW)
    assert refused.value.malformed


def test_a_github_deployment_is_of_the_repository_unless_its_payload_names_a_service() -> None:
    content = {"action": "created", "deployment": DEPLOYMENT, "repository": REPOSITORY}
    (change,) = told(content, x_github_event="deployment")
    assert (change.service, change.version, change.author) == ("checkout", "v1.4.3", "ann")
    assert change.realm == {"environment": "production"}
    content["deployment"] = {**DEPLOYMENT, "payload": {"service": "payments"}}
    assert told(content, x_github_event="deployment")[0].service == "payments"


def test_a_deployment_status_counts_when_it_is_final() -> None:
    status = {"state": "success", "created_at": "2026-01-31T11:59:00Z", "target_url": "https://ci.example/7"}
    content = {"deployment": DEPLOYMENT, "deployment_status": status, "repository": REPOSITORY}
    (change,) = told(content, x_github_event="deployment_status")
    assert change.at == datetime(2026, 1, 31, 11, 59, tzinfo=UTC)
    assert "success" in change.title
    content["deployment_status"] = {**status, "state": "in_progress"}
    ignored = judge(json.dumps(content).encode(), {"x-github-event": "deployment_status"}, NOW)
    assert (ignored.changes, "in_progress" in ignored.ignored) == ((), True)


def test_a_push_counts_on_the_default_branch_and_at_its_own_time() -> None:
    commit = {"id": "c77e0d2", "message": "Cut prices\n\nlong story", "timestamp": "2026-01-01T00:00:00Z"}
    content = {"ref": "refs/heads/main", "after": "c77e0d2", "repository": REPOSITORY, "head_commit": commit}
    (change,) = told(content, x_github_event="push")
    assert change.title == "push to main of checkout: Cut prices"
    assert change.at == datetime(2026, 1, 31, 11, 55, tzinfo=UTC)
    assert told({**content, "ref": "refs/heads/try"}, x_github_event="push") == ()


def test_a_release_counts_when_it_is_published() -> None:
    release = {
        "tag_name": "v1.4.3",
        "name": "Discounts",
        "published_at": "2026-01-31T11:50:00Z",
        "html_url": "https://x",
    }
    content = {"action": "published", "release": release, "repository": REPOSITORY}
    (change,) = told(content, x_github_event="release")
    assert (change.kind, change.version) == ("release", "v1.4.3")
    assert told({**content, "action": "edited"}, x_github_event="release") == ()


def test_a_github_event_that_is_wrong_names_its_field() -> None:
    with pytest.raises(InputError) as refused:
        told({"deployment": {}, "repository": REPOSITORY}, x_github_event="deployment")
    assert refused.value.field == "deployment.sha"


def test_a_ping_of_github_tells_of_no_change() -> None:
    assert judge(b'{"zen": "Design for failure."}', {"x-github-event": "ping"}, NOW).ignored


def test_an_argo_cd_sync_is_of_its_application_from_its_start() -> None:
    (change,) = told({"app": APP})
    assert (change.service, change.namespace, change.realm) == ("checkout", "shop", {"cluster": "europe"})
    assert change.at == datetime(2026, 1, 31, 11, 58, tzinfo=UTC)
    assert change.author == "automated sync"


def test_an_application_that_was_never_synced_tells_of_no_change() -> None:
    assert "not synced" in judge(json.dumps({"app": {"metadata": {"name": "a"}}}).encode(), {}, NOW).ignored


def test_an_old_change_is_taken() -> None:
    (change,) = told({"title": "a", "at": (NOW - timedelta(days=90)).isoformat()})
    assert change.at == NOW - timedelta(days=90)


def test_what_a_program_writes_too_long_is_cut_and_not_refused() -> None:
    content = {
        "repository": {**REPOSITORY, "name": "x" * 5000},
        "deployment": {**DEPLOYMENT, "ref": "v" * 5000, "environment": "e" * 5000, "creator": {"login": "a" * 5000}},
        "deployment_status": {
            "state": "success",
            "created_at": "2026-01-31T11:59:00Z",
            "target_url": "https://ci.example/" + "u" * 5000,
        },
    }
    (change,) = told(content, x_github_event="deployment_status")
    assert {len(change.service), len(change.version), len(change.author), len(change.realm["environment"])} == {200}
    assert (len(change.title), change.url) == (2000, "")

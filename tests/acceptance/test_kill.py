"""Kill -9 in every step, start again: the alert is still analysed and told. On both databases."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def settings(peer: Any) -> dict[str, str]:
    return {
        "PROMETHEUS_URL": peer.url,
        "LOKI_URL": peer.url,
        "LLM_PROVIDER": "deepseek",
        "LLM_BASE_URL": f"{peer.url}/llm",
        "DEEPSEEK_API_KEY": "sk-test",
        "LLM_ALERT_USD": "1",  # so that one alert is worth a query of the model's own
        "GENERIC_WEBHOOK_URL": f"{peer.url}/hook",
    }


@pytest.fixture
def store(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of the database: SQLite files where nothing is said."""
    if request.param == "sqlite":
        return {}
    return {"DATABASE_URL": request.getfixturevalue("postgresql").database()}


@pytest.mark.parametrize("store", ["sqlite", "postgresql"], indirect=True)
def test_a_kill_in_any_step_loses_nothing(
    store: dict[str, str],
    peer: Any,
    settings: dict[str, str],
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
) -> None:
    service = make_service(**settings, **store)
    for step, path in (("gather", "/api/v1"), ("explain", "/llm"), ("tell", "/hook")):
        peer.requests.clear()
        peer.delays[path] = 3
        body = webhook(f"HighErrorRate-{step}", group=step)
        body["alerts"][0]["labels"]["service"] = step
        status, answer = service.post("/webhook/alerts", body)
        assert (status, answer["processed"]) == (200, 1)
        wait(lambda path=path: peer.asked(path), f"the service is in step {step}")
        service.kill()
        peer.delays.clear()
        paid = killed_again_after_an_answer(service, peer, wait) if step == "explain" else None
        service.start()
        wait(lambda: peer.told("analysed"), f"{step}: the analysis is told\n{service.log()}")
        if paid is not None:
            assert peer.asked("/llm") == paid + 1, "what was answered is not paid for again: only what follows is asked"
        wait(lambda: service.get("/queue/status")["queue_size"] == 0, f"{step}: nothing is left to do")
        newest = max(service.get("/api/v1/incidents"), key=lambda incident: incident["id"])
        assert newest["state"] == "analysed", step
        assert {message["event"] for message in peer.told()} == {"opened", "analysed"}, step
        for event in ("opened", "analysed"):  # at most one repeat for a kill, and that one recognisable
            messages = peer.told(event)
            assert len(messages) <= 2, step
            assert len({message["key"] for message in messages}) == 1, step


def killed_again_after_an_answer(service: Any, peer: Any, wait: Callable[..., Any]) -> int:
    """Killed while the query hangs that the model asked for: how often the model was asked until then."""
    peer.ask_first("asked_by_the_model")
    peer.delays["/api/v1/query"] = 60
    service.start()
    wait(lambda: any(b"asked_by_the_model" in body for _, body in list(peer.requests)), "the model answered")
    service.kill()
    peer.delays.clear()
    return peer.asked("/llm")


def test_a_stop_in_the_middle_of_an_analysis_is_quiet_and_the_next_start_goes_on(
    peer: Any,
    settings: dict[str, str],
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
) -> None:
    service = make_service(**settings)
    peer.delays["/llm"] = 600
    service.post("/webhook/alerts", webhook("HighErrorRate"))
    wait(lambda: peer.asked("/llm"), "the model is asked")
    wait(lambda: peer.told("opened"), "people know of it")
    assert service.stop() == 0
    log = service.log()
    assert not [word for word in ("Traceback", '"level": "error"', "task cancelled") if word in log], log
    peer.delays.clear()
    service.start()
    wait(lambda: peer.told("analysed"), f"the analysis is told\n{service.log()}")
    wait(lambda: service.get("/queue/status")["queue_size"] == 0, "nothing is left to do")
    (incident,) = service.get("/api/v1/incidents")
    assert (incident["state"], incident["generation"]) == ("analysed", 1)


@pytest.mark.parametrize("store", ["sqlite", "postgresql"], indirect=True)
def test_an_alert_answered_200_survives_a_kill_right_after(
    store: dict[str, str],
    peer: Any,
    settings: dict[str, str],
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
) -> None:
    service = make_service(**settings, **store, AIOPS_SETTLE_SECONDS="3")  # one analysis of all, however slow we post
    names = {f"Alert{number}" for number in range(20)}
    for name in names:
        assert service.post("/webhook/alerts", webhook(name, group=f"of {name}"))[0] == 200
    service.restart()

    def told() -> set[str]:
        return {alert["labels"]["alertname"] for message in peer.told("analysed") for alert in message["alerts"]}

    wait(lambda: told() == names, f"all twenty are analysed and told\n{service.log()[-3000:]}")


def test_a_second_server_on_the_same_folder_is_refused_with_the_remedy(
    make_service: Callable[..., Any], settings: dict[str, str]
) -> None:
    service = make_service(**settings)
    with pytest.raises(AssertionError, match="in use by another aiops process"):
        make_service(**settings)
    assert service.get("/health/live") == {"status": "live"}


def test_a_failing_model_never_loses_the_alert(
    peer: Any,
    settings: dict[str, str],
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
) -> None:
    peer.statuses["/llm"] = 401
    service = make_service(**settings)
    service.post("/webhook/alerts", webhook("HighErrorRate"))
    (told,) = wait(lambda: peer.told("analysed"), "the analysis is told")
    assert any(gap["source"] == "model" for gap in told["analysis"]["gaps"])
    assert told["analysis"]["model"] == ""


def test_a_model_that_drips_a_byte_a_second_does_not_hold_an_alert(
    peer: Any,
    settings: dict[str, str],
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
) -> None:
    peer.drips.add("/llm")
    service = make_service(**settings, LLM_DEADLINE="2")
    service.post("/webhook/alerts", webhook("HighErrorRate"))
    (told,) = wait(lambda: peer.told("analysed"), "the ranked evidence is told in place of the model's words")
    (gap,) = [gap for gap in told["analysis"]["gaps"] if gap["source"] == "model"]
    assert "no usable answer within its 2 s" in gap["reason"]


def test_a_channel_that_fails_is_told_later_with_the_same_key(
    peer: Any,
    settings: dict[str, str],
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
) -> None:
    peer.statuses["/hook"] = 503
    service = make_service(**settings)
    service.post("/webhook/alerts", webhook("HighErrorRate"))
    wait(lambda: len(peer.told("opened")) >= 2, "the channel is tried again")
    peer.statuses.clear()
    wait(lambda: service.get("/queue/status")["queue_size"] == 0, "everything is told")
    assert len({message["key"] for message in peer.told("opened")}) == 1
    assert len(peer.told("analysed")) >= 1

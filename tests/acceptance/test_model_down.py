"""Every way in which a model can fail, against the real process: a report always goes out, and is completed later."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

FAULTS = ("400", "401", "402", "429", "500", "503", "hang", "drip", "html", "cut")
SAID = {"summary": "now the model answers", "outcome": "inconclusive", "confidence": 0.2}


class Model:
    """A chat completions endpoint that fails in a chosen way; `fault` is "" where it is well."""

    def __init__(self) -> None:
        self.fault = ""
        self.asked = 0
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                model.asked += 1
                with contextlib.suppress(OSError):  # whoever asked has gone: it was too slow
                    self._answer(model.fault)

            def _answer(self, fault: str) -> None:
                if fault.isdecimal():
                    self._send(int(fault), b'{"error": {"message": "no"}}')
                elif fault == "hang":
                    time.sleep(8)
                elif fault == "html":
                    self._send(200, b"<html><body>Please log in</body></html>", "text/html")
                else:
                    whole = completion(json.dumps(SAID))
                    self._send(200, whole[: 60 if fault == "cut" else None], drip=fault == "drip")

            def _send(self, status: int, body: bytes, kind: str = "application/json", *, drip: bool = False) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                for byte in body if drip else ():
                    self.wfile.write(bytes([byte]))
                    time.sleep(1)
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - the name is the base class's

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def completion(text: str) -> bytes:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    whole = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    return json.dumps(whole).encode()


@pytest.fixture
def model() -> Iterator[Model]:
    model = Model()
    yield model
    model.close()


def test_a_report_goes_out_whatever_the_model_does_and_is_completed_when_it_answers(
    peer: Any, model: Model, make_service: Callable[..., Any], webhook: Callable[..., Any], wait: Callable[..., Any]
) -> None:
    service = make_service(
        PROMETHEUS_URL=peer.url,
        LOKI_URL=peer.url,
        GENERIC_WEBHOOK_URL=f"{peer.url}/hook",
        LLM_PROVIDER="openai",
        LLM_MODEL="m",
        LLM_BASE_URL=model.url,
        LLM_TIMEOUT="2",
        LLM_MAX_RETRIES="0",
    )

    def told(*, update: bool) -> dict[str, dict[str, Any]]:
        analysed = [each for each in peer.told("analysed") if each["update"] is update]
        return {each["incident"]["title"].split()[0]: each for each in analysed}

    for fault in FAULTS:
        model.fault = fault
        body = webhook(f"Fault-{fault}", group=fault)
        body["alerts"][0]["labels"]["service"] = f"service-{fault}"
        assert service.post("/webhook/alerts", body)[0] == 200
        wait(lambda name=f"Fault-{fault}": name in told(update=False), f"{fault}: a report goes out\n{service.log()}")

    for name, each in told(update=False).items():
        assert each["analysis"]["model"] == "", name
        assert any(gap["source"] == "model" for gap in each["analysis"]["gaps"]), name

    service.kill()
    model.fault = ""
    service.start()
    wait(lambda: len(told(update=True)) == len(FAULTS), f"every report is completed\n{service.log()}", 300)
    assert {each["analysis"]["summary"].split(" (")[0] for each in told(update=True).values()} == {SAID["summary"]}
    wait(lambda: service.get("/queue/status")["queue_size"] == 0, "nothing is left to do")
    assert len(peer.told("analysed")) <= 2 * len(FAULTS) + 1, "one repeat at most for one kill"

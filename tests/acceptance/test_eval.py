"""`aiops eval` on recordings: one that is right, the same with another truth, and one that is broken."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from aiops_processor.demo.recording import bundled


def evaluate(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aiops_processor", "eval", str(folder), *arguments]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **settings}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def without_time(case: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in case.items() if name not in {"case", "seconds", "truth", "rank"}}


def test_recordings_are_played_alike_whatever_their_truth_and_a_broken_one_stands_apart(tmp_path: Path) -> None:
    shutil.copytree(bundled(), tmp_path / "deep" / "right")
    shutil.copytree(bundled(), tmp_path / "misled")
    (tmp_path / "misled" / "truth.json").write_text('{"entity": "gateway"}')
    shutil.copytree(bundled(), tmp_path / "broken")
    (tmp_path / "broken" / "series.jsonl.gz").write_bytes(b"no gzip")
    (tmp_path / "notes").mkdir()

    ran = evaluate(tmp_path, "--format", "json")

    assert ran.returncode == 1
    assert ran.stderr == ""
    found = json.loads(ran.stdout)
    cases = {case["case"]: case for case in found["cases"]}
    assert list(cases) == ["deep/right", "misled"]
    right, misled = cases["deep/right"], cases["misled"]
    assert (right["truth"], right["rank"], right["entities"][0], right["incidents"]) == ("payments", 1, "payments", 1)
    assert misled["rank"] == misled["entities"].index("gateway") + 1
    assert without_time(right) == without_time(misled)
    assert right["queries"] > 0
    assert right["failures"] == []
    (failure,) = found["summary"]["failures"]
    assert failure["case"] == "broken"
    assert "series.jsonl.gz" in failure["error"]
    assert (found["summary"]["cases"], found["summary"]["top1"]) == (2, 0.5)


def test_the_table_names_what_failed(tmp_path: Path) -> None:
    shutil.copytree(bundled(), tmp_path / "one")
    (tmp_path / "one" / "webhooks.jsonl").write_text("")
    ran = evaluate(tmp_path / "one")
    assert ran.returncode == 1
    assert "FAILED one: the recording has no webhooks" in ran.stdout


def test_a_folder_without_recordings_is_an_error_that_says_what_is_missing(tmp_path: Path) -> None:
    ran = evaluate(tmp_path)
    assert ran.returncode == 1
    assert "info.json" in ran.stderr


def scripted(peer: Any) -> dict[str, str]:
    """The settings of a model that the peer plays: it answers the same to everything."""
    return {"LLM_PROVIDER": "openai", "LLM_MODEL": "m", "LLM_BASE_URL": peer.url, "LLM_MAX_RETRIES": "0"}


def test_a_scripted_model_is_scored_over_repeats(tmp_path: Path, peer: Any) -> None:
    said = {
        "summary": "Payments fails.",
        "root_cause": "payments fails most of its requests",
        "outcome": "found",
        "confidence": 0.9,
        "evidence": [{"id": "M1", "statement": "it went from 0 to 123456"}, {"id": "M77", "statement": "invented"}],
        "affected": ["payments"],
    }
    choice = {"index": 0, "message": {"role": "assistant", "content": json.dumps(said)}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1000}
    whole = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    peer.answers["/chat/completions"] = whole
    prices = json.dumps({"m": {"input_usd": 1, "output_usd": 1}})
    ran = evaluate(bundled(), "--model", "--repeats", "2", "--format", "json", **scripted(peer), LLM_PRICES=prices)
    assert ran.returncode == 0, ran.stderr
    summary = json.loads(ran.stdout)["summary"]
    assert (summary["runs"], summary["failed"]) == (2, 0)
    assert summary["named"]["mean"] == 1.0
    assert summary["grounded"]["mean"] == 0.0, "what it invented is not verified"
    assert summary["tokens"]["mean"] == 1000 * summary["calls"]["mean"]
    assert abs(summary["usd"]["mean"] - summary["tokens"]["mean"] / 1e6) < 1e-9
    assert summary["seconds"]["mean"] > 0


def test_a_model_that_is_down_is_a_failure_of_the_machinery(peer: Any) -> None:
    peer.statuses["/chat/completions"] = 503
    ran = evaluate(bundled(), "--model", **scripted(peer))
    assert ran.returncode == 1
    assert "1 runs, 1 failed" in ran.stdout
    assert "answered 503" in ran.stdout
    assert "named the broken entity          nothing to say" in ran.stdout


def test_without_a_model_there_is_none_to_score() -> None:
    ran = evaluate(bundled(), "--model")
    assert ran.returncode == 1
    assert "no model is configured" in ran.stderr

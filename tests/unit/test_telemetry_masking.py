import json
import logging

import pytest
import structlog

from aiops_processor.telemetry import set_up_logging


def test_no_secret_is_in_the_log_whoever_wrote_it(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        set_up_logging("info")
        structlog.get_logger("aiops_processor.test").warning("it failed", error="password=hunter2hunter2", count=3)
        logging.getLogger("library").warning("Authorization: Bearer %s", "abcdefghijklmnop1234")
        try:
            raise ValueError("https://bob:s3cr3tpass@db.example")
        except ValueError:
            structlog.get_logger("aiops_processor.test").exception("broke")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        structlog.reset_defaults()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines][::2] == ["it failed", "broke"]
    assert lines[0]["count"] == 3
    written = json.dumps(lines)
    assert "hunter2" not in written
    assert "abcdefghijklmnop" not in written
    assert "s3cr3t" not in written

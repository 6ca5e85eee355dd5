import gzip
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from aiops_processor.demo.recording import Recording, bundled
from aiops_processor.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recording of two series, two lines and two webhooks, each pair in the wrong order."""
    (tmp_path / "info.json").write_text('{"start": 1, "end": 9, "scrape_interval": 2, "prometheus": "3.5", "new": 1}')
    (tmp_path / "rules.json").write_text('{"status": "success", "data": {"groups": []}}')
    (tmp_path / "metadata.json").write_text('{"status": "success", "data": {"up": [{"type": "gauge"}]}}')
    series = [
        {"metric": {"job": "a", "__name__": "up"}, "values": [[1.5, "1"], [3.5, "0"]]},
        {"metric": {"__name__": "odd"}, "values": [[1.5, "NaN"], [3.5, "+Inf"]]},
    ]
    logs = [
        {"ts_ns": "7000000000", "labels": {"app": "a"}, "metadata": {"trace": "t"}, "line": "second"},
        {"ts_ns": "2000000000", "labels": {"app": "a"}, "line": "first"},
    ]
    webhooks = [
        {"received_at": 8, "headers": {}, "body": {"status": "resolved"}},
        {"received_at": 4, "headers": {"User-Agent": "Alertmanager/0.33"}, "body": {"a": "<&>", "b": "é"}},
    ]
    _write_gz(tmp_path / "series.jsonl.gz", series)
    _write_gz(tmp_path / "logs.jsonl.gz", logs)
    (tmp_path / "webhooks.jsonl").write_text("\n".join(json.dumps(row) for row in webhooks) + "\n")
    return tmp_path


def _write_gz(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def test_a_folder_becomes_series_lines_and_webhooks_in_order_of_time(folder: Path) -> None:
    recording = Recording.load(folder)
    assert (recording.start, recording.end, recording.info.scrape_interval) == (1, 9, 2)
    up = recording.series[0]
    assert up.labels == (("__name__", "up"), ("job", "a"))
    assert up.times.tolist() == [1500, 3500]
    assert up.values.tolist() == [1.0, 0.0]
    assert [entry.line for entry in recording.logs] == ["first", "second"]
    assert recording.logs[0].ns == 2 * 10**9
    assert [webhook.received_at for webhook in recording.webhooks] == [4, 8]
    assert recording.metadata == {"up": [{"type": "gauge"}]}
    assert recording.truth is None


def test_nan_and_infinity_are_values(folder: Path) -> None:
    values = Recording.load(folder).series[1].values
    assert np.isnan(values[0])
    assert np.isposinf(values[1])


def test_series_of_one_scrape_share_their_times(folder: Path) -> None:
    first, second = Recording.load(folder).series
    assert first.times is second.times


def test_samples_out_of_order_or_twice_are_put_right(folder: Path) -> None:
    _write_gz(folder / "series.jsonl.gz", [{"metric": {}, "values": [[5, "5"], [3, "3"], [5, "6"]]}])
    series = Recording.load(folder).series[0]
    assert (series.times.tolist(), series.values.tolist()) == ([3000, 5000], [3.0, 5.0])


def test_a_webhook_is_given_back_in_the_bytes_that_go_wrote(folder: Path) -> None:
    content = Recording.load(folder).webhooks[0].content()
    assert content == '{"a":"\\u003c\\u0026\\u003e","b":"é"}\n'.encode()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("info.json", b'{"start": 1}', "missing required field `end`"),
        ("info.json", b"{", "Input data was truncated"),
        ("rules.json", b"[]", "Expected `object`"),
        ("webhooks.jsonl", b'{"received_at": "x"}\n', "line 1"),
        ("webhooks.jsonl", b"\xff\n", "line 1"),
        ("series.jsonl.gz", b"plain text", "Not a gzipped file"),
        ("logs.jsonl.gz", gzip.compress(b"{}\n", mtime=0), "line 1: Object missing required field"),
        ("series.jsonl.gz", gzip.compress(b'{"metric": {}, "values": [[1, "one"]]}\n', mtime=0), "could not convert"),
        ("series.jsonl.gz", gzip.compress(b'{"metric": {}, "values": [[1]]}\n', mtime=0), "line 1"),
        ("logs.jsonl.gz", gzip.compress(b"x" * 99, mtime=0)[:-9], "end-of-stream"),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(folder: Path, name: str, content: bytes, reason: str) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(ConfigError, match=reason) as error:
        Recording.load(folder)
    assert name in str(error.value)


@pytest.mark.parametrize("name", ["info.json", "series.jsonl.gz", "logs.jsonl.gz", "rules.json", "webhooks.jsonl"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ConfigError, match=f"{name}: No such file"):
        Recording.load(folder)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere: no such folder"):
        Recording.load(tmp_path / "nowhere")


def test_the_bundled_recording_is_whole_and_its_webhooks_have_the_length_they_were_sent_with() -> None:
    recording = Recording.load(bundled())
    assert len(recording.series) == 3804
    assert sum(len(series.times) for series in recording.series) == 754_101
    assert recording.truth is not None
    assert recording.truth["entity"] == "payments"
    for webhook in recording.webhooks:
        assert len(webhook.content()) == int(webhook.headers["Content-Length"])


def test_a_copy_of_the_bundled_recording_without_its_truth_loads_too(tmp_path: Path) -> None:
    copy = shutil.copytree(bundled(), tmp_path / "copy")
    (copy / "truth.json").unlink()
    assert Recording.load(copy).truth is None

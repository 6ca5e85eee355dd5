"""Log queries of an operator's packs: what is a finding, what is as usual, and what is a gap."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import pytest

from aiops_processor.errors import ConfigError, SourceRefused
from aiops_processor.evidence.asking import packs
from aiops_processor.evidence.asking.limits import Limits
from aiops_processor.evidence.asking.packs import Pack, PackLogs
from aiops_processor.evidence.gather import Gatherer
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.models.samples import Answer, Entry, Series, Stream
from aiops_processor.testing import NOW, alert

pytestmark = pytest.mark.anyio

QUERY = PackLogs(name="failed", title="failed payments", expr='{app="pay"} |= "failed"')
PACK = Pack(pack="mine", when=('service="pay"',), logs=(QUERY,), own=True)


class Loki:
    """So many lines in each minute before the alert, and so many since; keeps what it was asked."""

    def __init__(self, before: float, after: float, error: Exception | None = None) -> None:
        self.before, self.after, self.error = before, after, error
        self.asked: list[str] = []

    async def query_metric(self, logql: str, start: datetime, end: datetime, step: float) -> Answer[list[Series]]:
        self.asked.append(logql)
        if self.error:
            raise self.error
        onset = NOW.timestamp() - 60
        times = [start.timestamp() + 60 * n for n in range(17)]
        return Answer([Series({}, [(at, self.before if at <= onset else self.after) for at in times])])

    async def query_range(
        self,
        logql: str,
        start: datetime,
        end: datetime,
        limit: int = 1000,
        direction: Literal["backward", "forward"] = "backward",
    ) -> Answer[list[Stream]]:
        self.asked.append(logql)
        entries = [Entry(int((NOW.timestamp() - n) * 1e9), f"payment {n} failed") for n in range(5)]
        return Answer([Stream({"app": "pay"}, entries)] if logql == QUERY.expr else [])

    async def labels(self, start: datetime, end: datetime, selector: str = "") -> Answer[list[str]]:
        return Answer([])

    async def series(self, selectors: Sequence[str], start: datetime, end: datetime) -> Answer[list[dict[str, str]]]:
        return Answer([])


class Clock:
    def now(self) -> datetime:
        return NOW

    async def sleep(self, seconds: float) -> None: ...


async def gathered(loki: Loki, pack: Pack = PACK, service: str = "pay") -> EvidenceReport:
    return await Gatherer(None, loki, [pack], Limits(), Clock()).gather([alert(service=service)])


@pytest.mark.parametrize(("before", "after", "score"), [(0, 7, 1), (2, 8, 0.75), (10, 0, 1)])
async def test_twice_as_many_lines_or_as_few_are_a_finding(before: float, after: float, score: float) -> None:
    report = await gathered(Loki(before, after))
    (found,) = report.findings
    assert (found.id, found.entity, found.query, found.score) == ("L1", "pay", QUERY.expr, score)
    assert found.statement == (
        f"failed payments: {before * 15} lines in 900 s before, {after} in 60 s after: payment 0 failed"
    )
    assert [line.line for line in found.lines] == [f"payment {n} failed" for n in range(3)]


@pytest.mark.parametrize(
    ("before", "after", "said"), [(4, 5, "60 lines before, 5 after"), (0, 0, "0 lines before, 0 after")]
)
async def test_about_as_many_as_usual_are_healthy(before: float, after: float, said: str) -> None:
    report = await gathered(Loki(before, after))
    assert (report.findings, report.healthy) == ((), (f"failed payments: {said}",))


async def test_what_loki_refuses_is_a_gap_in_its_own_words() -> None:
    report = await gathered(Loki(0, 0, SourceRefused("parse error at line 1")))
    assert [gap.reason for gap in report.gaps if "failed payments" in gap.reason] == [
        "failed payments: parse error at line 1"
    ]


async def test_only_the_alerts_that_the_matchers_fit_are_asked_about() -> None:
    loki = Loki(0, 9)
    assert (await gathered(loki, service="other")).findings == ()
    assert loki.asked == []


def test_a_pack_of_the_folder_is_read_with_its_log_queries(tmp_path: Any) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("""pack: mine\nwhen: ['a="b"']\nlogs: [{name: l, title: t, expr: '{a="b"} | json | c="d"'}]\n""")
    (pack,) = packs.of_files([file])
    assert pack.own
    assert pack.fits({"a": "b"})
    assert not pack.fits({"a": "c"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("when: ['a=b']", "give `queries`, `logs` or both"),
        ("logs: [{name: l, title: t, expr: '{a=\"b\"}'}]", "give `needs`, `about` or `when`"),
        (
            "when: ['a=b']\nlogs: [{name: l, title: t, expr: 'rate({a=\"b\"}[5m])'}]",
            "logs.0.expr: .*not a LogQL selector",
        ),
        ("when: ['a=b']\nlogs: [{name: l, title: t, expr: '{a!=\"b\"}'}]", "logs.0.expr: .*needs a label with a value"),
        ("when: ['=~']\nlogs: [{name: l, title: t, expr: '{a=\"b\"}'}]", "when: "),
    ],
)
def test_a_pack_that_is_wrong_is_named_with_the_field(tmp_path: Any, text: str, said: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"pack: mine\n{text}\n")
    with pytest.raises(ConfigError, match=rf"query pack mine.yaml: .*{said}"):
        packs.of_files([file])

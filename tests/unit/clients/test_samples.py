"""Every recorded answer of real Prometheus and Loki servers comes out as the right value or the right error.

A file whose path none of our methods asks for goes through the HTTP layer alone. No file is left out: a path that is
in neither table fails.
"""

import json
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from aiops_processor.clients.http import Endpoint, Retries, Service
from aiops_processor.clients.loki import Loki
from aiops_processor.clients.prometheus import Metadata, Prometheus, Rule
from aiops_processor.errors import SourceError, SourceRefused, SourceUnavailable, SourceUnreadable
from aiops_processor.models.samples import Answer, Series, Stream

pytestmark = pytest.mark.anyio

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "samples"
PROMETHEUS = sorted((FOLDER / "prometheus").rglob("*.json"))
LOKI = sorted((FOLDER / "loki").rglob("*.json"))
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)

ERRORS: Mapping[int, type[SourceError]] = {
    400: SourceRefused,
    401: SourceRefused,
    404: SourceRefused,
    422: SourceRefused,
    429: SourceUnavailable,
    504: SourceUnavailable,
}
NOT_ASKED_BY_US = (
    "/api/v1/alerts",
    "/api/v1/format_query",
    "/api/v1/nosuch",
    "/api/v1/parse_query",
    "/api/v1/query_exemplars",
    "/api/v1/status/flags",
    "/api/v1/targets",
    "/config/tenant/v1/limits",
    "/loki/api/v1/detected_field/level/values",
    "/loki/api/v1/detected_fields",
    "/loki/api/v1/detected_labels",
    "/loki/api/v1/format_query",
    "/loki/api/v1/index/stats",
    "/loki/api/v1/index/volume",
    "/loki/api/v1/index/volume_range",
    "/loki/api/v1/nosuch",
    "/loki/api/v1/patterns",
    "/loki/api/v1/push",
    "/loki/api/v1/status/buildinfo",
    "/ready",
)


@dataclass(frozen=True)
class Sample:
    """One recorded request and its answer."""

    path: str
    parameters: Mapping[str, Any]
    tenant: str
    status: int
    content_type: str
    body: Any

    @classmethod
    def read(cls, path: Path) -> "Sample":
        kept = json.loads(path.read_text())
        request = kept["request"]
        tenant = request.get("headers", {}).get("X-Scope-OrgID", "")
        kind = kept["content_type"] or ""
        return cls(request["path"], request.get("params", {}), tenant, kept["status"], kind, kept["body"])

    @property
    def query(self) -> str:
        return self.parameters.get("query", "")

    @property
    def is_metric_query(self) -> bool:
        return "step" in self.parameters

    @property
    def raw(self) -> bytes:
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()

    def endpoint(self) -> Endpoint:
        return Endpoint(url="http://recorded:1", tenant=self.tenant)

    def network(self) -> httpx2.MockTransport:
        """Answers what was recorded, to the recorded path and tenant alone."""

        def answer(request: httpx2.Request) -> httpx2.Response:
            assert request.url.path == self.path
            assert request.headers.get("x-scope-orgid", "") == self.tenant
            return httpx2.Response(self.status, headers={"Content-Type": self.content_type}, content=self.raw)

        return httpx2.MockTransport(answer)


Ask = Callable[[Any, Sample], Awaitable[Any]]

PROMETHEUS_METHODS: Mapping[str, Ask] = {
    "/api/v1/query": lambda client, sample: client.query(sample.query, AT),
    "/api/v1/query_range": lambda client, sample: client.query_range(sample.query, AT, AT, 15),
    "/api/v1/series": lambda client, sample: client.series([sample.parameters["match[]"]], AT, AT),
    "/api/v1/labels": lambda client, sample: client.labels([sample.parameters["match[]"]]),
    "/api/v1/label/service/values": lambda client, _: client.label_values("service"),
    "/api/v1/metadata": lambda client, _: client.metadata(),
    "/api/v1/rules": lambda client, _: client.rules(),
    "/api/v1/status/buildinfo": lambda client, _: client.version(),
}
LOKI_METHODS: Mapping[str, Ask] = {
    "/loki/api/v1/query": lambda client, sample: client.query(sample.query, AT),
    "/loki/api/v1/query_range": lambda client, sample: (
        client.query_metric(sample.query, AT, AT, 60)
        if sample.is_metric_query
        else client.query_range(sample.query, AT, AT)
    ),
    "/loki/api/v1/series": lambda client, sample: client.series([sample.parameters["match[]"]], AT, AT),
    "/loki/api/v1/labels": lambda client, sample: client.labels(AT, AT, sample.query),
    "/loki/api/v1/label/app/values": lambda client, _: client.label_values("app", AT, AT),
    "/loki/api/v1/label/nosuch/values": lambda client, _: client.label_values("nosuch", AT, AT),
}


async def asked(client: Prometheus | Loki, methods: Mapping[str, Ask], sample: Sample) -> Any:
    """The sample's answer, through the method that asks for its path, or through the HTTP layer alone."""
    if sample.path in methods:
        return await methods[sample.path](client, sample)
    assert sample.path in NOT_ASKED_BY_US
    service = Service(client.name, sample.endpoint(), sample.network(), Retries(tries=1))
    if sample.path.endswith("/push"):
        return await service.post(sample.path, {})
    return await service.get(sample.path)


def check_error(sample: Sample, error: SourceError) -> None:
    said = sample.body["error"] if isinstance(sample.body, dict) else sample.body
    assert type(error) is ERRORS[sample.status]
    assert str(sample.status) in str(error)
    assert " ".join(said.split())[:150] in str(error)


def plain(value: Any) -> Any:
    """An answer as the recorded JSON has it, NaN made comparable."""
    match value:
        case Series():
            return (value.labels, [(at, "NaN" if math.isnan(number) else number) for at, number in value.points])
        case Stream():
            return (value.labels, [(entry.ns, entry.line, entry.metadata) for entry in value.entries])
        case list():
            return [plain(item) for item in value]
        case Answer():
            return plain(value.data)
        case _:
            return value


def number(text: str) -> float | str:
    return "NaN" if text == "NaN" else float(text)


def recorded(sample: Sample) -> Any:
    """What the sample says, read without our code."""
    if sample.path in NOT_ASKED_BY_US:
        return sample.raw
    data = sample.body.get("data", [])
    if sample.path.endswith("/buildinfo"):
        return data["version"]
    if sample.path.endswith("/metadata"):
        return {name: Metadata(**entries[0]) for name, entries in data.items()}
    if sample.path.endswith("/rules"):
        return [recorded_rule(rule, group) for group in data["groups"] for rule in group["rules"]]
    return recorded_result(sample, data) if "resultType" in data else data


def recorded_rule(rule: dict[str, Any], group: dict[str, Any]) -> Rule:
    words = (rule["name"], rule["query"], rule["type"])
    return Rule(*words, rule["labels"], rule["annotations"], rule["duration"], group["name"], group["interval"])


def recorded_result(sample: Sample, data: dict[str, Any]) -> Any:
    result = data["result"]
    match data["resultType"]:
        case "scalar":
            seconds = result[0] / 1000 if sample.path.startswith("/loki") else result[0]
            return [({}, [(seconds, number(result[1]))])]
        case "vector":
            return [(row["metric"], [(row["value"][0], number(row["value"][1]))]) for row in result]
        case "matrix":
            return [(row["metric"], [(at, number(text)) for at, text in row["values"]]) for row in result]
        case _:
            return [(row["stream"], [recorded_line(*line) for line in row["values"]]) for row in result]


def recorded_line(ns: str, line: str, categories: dict[str, dict[str, str]] | None = None) -> Any:
    given = categories or {}
    return (int(ns), line, {**given.get("structuredMetadata", {}), **given.get("parsed", {})})


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.shared
@pytest.mark.parametrize("path", PROMETHEUS, ids=name)
async def test_every_recorded_answer_of_prometheus(path: Path) -> None:
    sample = Sample.read(path)
    client = Prometheus(sample.endpoint(), sample.network())
    if sample.status != 200:
        with pytest.raises(SourceError) as caught:
            await asked(client, PROMETHEUS_METHODS, sample)
        check_error(sample, caught.value)
    elif path.stem == "query_string":
        with pytest.raises(SourceUnreadable, match="answered a string, not numbers"):
            await asked(client, PROMETHEUS_METHODS, sample)
    else:
        answer = await asked(client, PROMETHEUS_METHODS, sample)
        assert plain(answer) == recorded(sample)
        if isinstance(answer, Answer):
            assert list(answer.warnings) == sample.body.get("warnings", [])
            assert list(answer.infos) == sample.body.get("infos", [])


@pytest.mark.shared
@pytest.mark.parametrize("path", LOKI, ids=name)
async def test_every_recorded_answer_of_loki(path: Path) -> None:
    sample = Sample.read(path)
    client = Loki(sample.endpoint(), sample.network(), Retries(tries=1))
    if sample.status >= 400:
        with pytest.raises(SourceError) as caught:
            await asked(client, LOKI_METHODS, sample)
        check_error(sample, caught.value)
    else:
        assert plain(await asked(client, LOKI_METHODS, sample)) == recorded(sample)


async def test_all_recordings_were_found(shared: Path) -> None:
    assert shared / "samples" == FOLDER
    assert (len(PROMETHEUS), len(LOKI)) == (87, 89)

"""A report for programs: one versioned JSON object."""

from collections.abc import Sequence

from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import SCHEMA_VERSION, AnalysisResult
from aiops_processor.models.base import Frozen
from aiops_processor.models.evidence import EvidenceReport


class Document(Frozen):
    """What `as_json` writes. `evidence` is null where none was gathered."""

    schema_version: str = SCHEMA_VERSION
    alerts: tuple[Alert, ...]
    analysis: AnalysisResult
    evidence: EvidenceReport | None = None
    url: str = ""


def as_json(analysis: AnalysisResult, evidence: EvidenceReport | None, alerts: Sequence[Alert], url: str = "") -> str:
    """The report as JSON, indented, ending in a newline. NaN and infinities are null, for JSON has none."""
    document = Document(alerts=tuple(alerts), analysis=analysis, evidence=evidence, url=url)
    return document.model_dump_json(by_alias=True, indent=2) + "\n"

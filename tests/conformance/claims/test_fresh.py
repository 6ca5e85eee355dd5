"""Claims by somebody who had not seen the verifier: how many false ones are caught, and how many true ones dropped."""

import logging
from pathlib import Path

import pytest
import yaml

from aiops_processor.llm.reading.shapes import Draft
from aiops_processor.llm.verification.verify import check
from aiops_processor.models.evidence import EvidenceReport

log = logging.getLogger(__name__)

CAUGHT, DROPPED = 0.98, 0.02
FOLDER = Path(__file__).parents[2] / "data" / "claims"

Reports = dict[str, EvidenceReport]
Fresh = dict[str, list[tuple[str, str, str]]]


@pytest.fixture(scope="session")
def fresh() -> Fresh:
    """(report, id, claim) of those that hold and of those that do not."""
    sets = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.yaml"))]
    return {
        side: [
            (name, each["id"], each["claim"])
            for made in sets
            for name, claims in made.items()
            for each in claims.get(side, ())
        ]
        for side in ("holds", "infers", "fails")
    }


def verified(claim: tuple[str, str, str], reports: Reports) -> bool:
    name, id_, statement = claim
    draft = Draft.model_validate({"summary": "s", "evidence": [{"id": id_, "statement": statement}]})
    return all(each.verified for each in check(draft, reports[name]).evidence)


def test_fresh_true_claims_stand(fresh: Fresh, reports: Reports) -> None:
    dropped = [claim for claim in fresh["holds"] if not verified(claim, reports)]
    log.info("%s of %s dropped: %s", len(dropped), len(fresh["holds"]), dropped)
    assert len(fresh["holds"]) >= 200
    assert len(dropped) <= DROPPED * len(fresh["holds"])


def test_fresh_false_claims_are_caught(fresh: Fresh, reports: Reports) -> None:
    passed = [claim for claim in fresh["fails"] if verified(claim, reports)]
    log.info("%s of %s passed: %s", len(passed), len(fresh["fails"]), passed)
    assert len(fresh["fails"]) >= 270
    assert len(passed) <= (1 - CAUGHT) * len(fresh["fails"])


def test_what_concludes_more_than_its_finding_holds_is_not_verified(fresh: Fresh, reports: Reports) -> None:
    assert not [claim for claim in fresh["infers"] if verified(claim, reports)]
    assert len(fresh["infers"]) >= 10

"""One sentence against one finding of a recorded incident."""

import time
from pathlib import Path

import pytest

from aiops_processor.llm.verification import wording
from aiops_processor.llm.verification.judging import FOREIGN, Judge, Standing, says_why
from aiops_processor.models.evidence import EvidenceReport

REPORTS = Path(__file__).parents[3] / "data" / "reports"
FALSE = (
    ("baddeploy-checkout", "L1", "39 error lines of checkout in 24 s"),
    ("baddeploy-checkout", "C1", "1.4.3 was replaced by 1.4.2 on checkout"),
    ("baddeploy-checkout", "M1", "the gateway is called by checkout, and 38.43 % of that failed"),
    ("baddeploy-checkout", "M1", "the gateway receives requests from checkout, and 38.43 % of them failed"),
    ("baddeploy-checkout", "M1", "38.43 % of requests failed, as [Q9] shows"),
    ("errors-payments", "L2", "46 lines name the certificate of api.cards.example"),
    ("leak-catalog", "A1", "MemoryNearLimit of catalog has crossed its limit of 0.6"),
    ("pool-db", "L1", "db's pool has a size of 80"),
    ("baddeploy-checkout", "M2", "checkout's failing share declined to 38.45 %"),
    ("baddeploy-checkout", "M2", "checkout's failing share halved to 38.45 %"),
    ("baddeploy-checkout", "M2", "checkout's failing share remained stable at 38.45 %"),
    ("baddeploy-checkout", "M2", "checkout's failing share plateaued at 38.45 %"),
    ("baddeploy-checkout", "M2", "checkout's failing share improved to 38.45 %"),
    ("baddeploy-checkout", "M2", "checkout's failing share is 38.45 s"),
    ("baddeploy-checkout", "M2", "checkout's failing share is 38.45 GB"),
    ("baddeploy-checkout", "M2", "checkout's failing share was 38.45 % before and is 0 % now"),
    ("baddeploy-checkout", "M2", "checkout's failing share rose from 38.45 % to 0 %"),
    ("baddeploy-checkout", "M2", "checkout's failing share rose to 38.45 % at 07:14:42"),
    ("baddeploy-checkout", "M2", "checkout's failing share rose to 38.45 % on 2026-11-22"),
    ("baddeploy-checkout", "M2", "gateway's failing share rose to 38.45 %"),
    ("baddeploy-checkout", "M2", "inventory-service's failing share rose to 38.45 %"),
    ("baddeploy-checkout", "M2", "The share of failing requests of kafka rose to 38.45 %"),
    ("baddeploy-checkout", "C2", "checkout did not restart at 07:14:27"),
    ("baddeploy-checkout", "C2", "checkout was never restarted (1×)"),
    ("baddeploy-checkout", "C1", "checkout runs 1.4.2 since 07:14:28"),
    ("baddeploy-checkout", "C1", "checkout was rolled back from 1.4.3 to 1.4.2 at 07:14:28"),
    ("baddeploy-checkout", "C1", "checkout runs 1.4.4 since 07:14:28"),
    ("crash-checkout", "C1", "checkout restarted 5 times, first at 06:47:44 UTC"),
    ("crash-checkout", "M1", "targets of checkout that answer rose from 1 to 0"),
    ("crash-checkout", "M1", "targets of checkout that answer fell from 0 to 1"),
    ("crash-checkout", "L1", "checkout says 'OutOfMemoryError: Java heap space' 4 times"),
    ("crash-checkout", "L1", "No fatal line of checkout was seen in the 20 s after"),
    ("latency-db", "M1", "p95 of db improved from 869 ms to 24 ms"),
    ("latency-db", "M1", "p95 of db rose to 869-4000 ms"),
    ("latency-db", "M1", "p95 of db rose to 869 ms for ninety percent of its callers"),
    ("latency-db", "M1", "p95 of db rose to 869 ms for fifty million users"),
    ("latency-db", "M1", "p95 of db rose from 24 ms to 869 µs"),
    ("latency-db", "M1", "p95 of db rose from 24 ms to 8.69 s"),
    ("latency-db", "M1", "p95 of db rose by 24 ms"),
    ("latency-db", "M1", "p95 of db got 5 times slower: 869 ms"),
    ("latency-db", "A1", "HighLatency of db is 1.57, below its threshold of 0.4"),
    ("latency-db", "A1", "HighLatency of db is 1.57, above its threshold of 0.5"),
    ("leak-catalog", "M1", "memory of catalog fell to 169.4 MiB"),
    ("leak-catalog", "M1", "memory of catalog rose to 169.4 KiB"),
    ("leak-catalog", "M1", "memory of catalog rose to 169.4 MiB at 05:53"),
    ("latency-db-later", "M1", "p95 of db went from 24 ms to nearly two minutes at 07:03:19"),
    ("latency-db", "M1", "db is down since 07:03:19 UTC"),
    ("errors-catalog", "M1", "catalog is completely unavailable since 07:19:05 UTC"),
    ("errors-catalog", "M4", "The gateway fails just under four requests a minute"),
    ("errors-payments", "L1", "46 lines name the certificate of db.internal"),
    ("baddeploy-checkout", "M1", "0 % of the gateway's calls to checkout fail"),
    ("baddeploy-checkout", "M1", "Not a single call from the gateway to checkout has succeeded since 07:14:24"),
    ("baddeploy-checkout", "L1", "Only three of the errors of checkout name 'discount_pct'"),
    ("pool-db", "M2", "Every fifth request to db fails"),
    ("pool-db", "M2", "Thirty-one percent of the requests to db fail"),
    ("baddeploy-checkout", "L1", "checkout logged “killed” 38 times"),
    ("latency-db", "L1", "catalog is down: 148 warn lines"),
    ("pool-db", "L1", "164 lines of db before 06:47:34, 0 after"),
    ("pool-db", "L1", "db logged 164 lines in 18 minutes"),
    ("pool-db", "L1", "db logged 0 lines after the onset and 164 before"),
)


TRUE = (
    ("crash-checkout", "M1", "checkout is down since 06:47:43 UTC"),
    ("crash-checkout", "C1", "checkout restarted at once, four times in all"),
    ("errors-catalog", "M3", "catalog's mean time is down to 9.19 ms"),
    ("crash-checkout-later", "M3", "Not a single call from the gateway to checkout has succeeded since 06:47:43 UTC"),
    ("crash-checkout-later", "A2", "CrashLooping of checkout: about six restarts per minute"),
    ("baddeploy-checkout", "L2", "The gateway's 502s name checkout's 500"),
    (
        "baddeploy-checkout",
        "M1",
        "More than one in three calls from the gateway to checkout fails, none failed in the baseline",
    ),
    ("baddeploy-checkout", "M1", "38,43 % of the calls from the gateway to checkout fail"),
    ("latency-db", "M1", "Tail latency exploded thirty-six-fold, hitting 0.87 s"),
    ("baddeploy-checkout", "M4", "gateway's 5xx share hit 12.94 %"),
    ("pool-db", "M2", "Four fifths of the requests to db fail"),
    ("pool-db", "M2", "Eighty-one percent of the requests to db fail"),
    ("pool-db", "M2", "4/5 of the requests to db fail"),
    ("pool-db", "L1", "A hundred and sixty-four error lines were written by db in 18 s"),
    ("down-payments", "M2", "The container of payments fell to 0 at 06:47:45 UTC; it is no longer running"),
)
FOREIGN_SENTENCES = (
    "Der Anteil fehlgeschlagener Anfragen von checkout stieg nicht auf 38,45 %.",
    "Die Fehlerrate von checkout war vorher 38.45 % und ist jetzt 0 %.",
    "Le taux d'erreur de checkout n'est pas passé à 38.45 %.",
    "La tasa de error de checkout no había subido a 38.45 %.",
    "Felfrekvensen i checkout steg inte till 38.45 %.",
    "Доля ошибок checkout не выросла до 38.45 %.",
    "checkout の失敗率は 38.45 % に上昇しなかった。",
    "Der checkout Service hat keine Errors mehr, Error Rate 38.45 %.",
)


def judge(report: str) -> Judge:
    return Judge(EvidenceReport.model_validate_json((REPORTS / f"{report}.json").read_bytes()))


@pytest.mark.parametrize(("report", "cited", "sentence"), FALSE)
def test_a_false_sentence_is_found_out_with_a_reason(report: str, cited: str, sentence: str) -> None:
    found = judge(report).cited(sentence, [cited])
    assert found.standing is Standing.FALSE
    assert found.reason


def test_errors_come_from_the_one_that_is_called() -> None:
    said = "the gateway gets errors from checkout: 38.43 % of its requests failed"
    assert judge("baddeploy-checkout").cited(said, ["M1"]).standing is not Standing.FALSE


@pytest.mark.parametrize("what", ["93 requests", "two calls", "many calls", "no progress", "more queries"])
def test_who_made_requests_caused_nothing(what: str) -> None:
    assert not says_why(f"The gateway made {what} to checkout.")
    assert says_why("The leak made the pods restart.")


def test_before_it_is_the_onset_and_before_it_did_something_is_not() -> None:
    assert wording.BEFORE.search("none before it.")
    assert not wording.BEFORE.search("none before it crashed.")


def test_a_sentence_that_cites_two_findings_may_take_a_part_from_each() -> None:
    db = judge("pool-db")
    both = "81 % of the requests to db fail [M2], and its 95th percentile rose to 1.888 s [M3]."
    assert db.prose(both).standing is Standing.VERIFIED
    assert db.prose(both.replace("1.888", "2.888")).standing is Standing.FALSE


def test_prose_without_an_id_is_held_against_all_findings() -> None:
    db = judge("pool-db")
    assert db.prose("81 % of the requests to db fail.").standing is Standing.VERIFIED
    assert db.prose("61 % of the requests to db fail.").standing is Standing.FALSE
    assert db.prose("payments stayed healthy.").standing is Standing.VERIFIED
    assert db.prose("db stayed healthy.").standing is not Standing.VERIFIED
    assert db.prose("Customers cannot pay.").standing is Standing.UNVERIFIED


def test_what_came_first_is_compared_where_both_have_a_moment() -> None:
    deploy = judge("baddeploy-checkout")
    assert deploy.prose("[C2] came before [C1].").standing is Standing.VERIFIED
    assert deploy.prose("[C1] came before [C2].").standing is Standing.FALSE
    assert deploy.prose("After [C2] came [C1].").standing is Standing.VERIFIED
    assert deploy.prose("[M1] came before [M2].").standing is Standing.UNVERIFIED


@pytest.mark.parametrize("text", ["1 " * 2000, "a 5, " * 800, "svc 12:00 " * 400, "x rose to 5 % and " * 300])
def test_a_sentence_that_nobody_would_read_takes_no_time_and_is_not_verified(text: str) -> None:
    db = judge("pool-db")
    began = time.process_time()
    assert db.prose(text).standing is Standing.UNVERIFIED
    assert db.cited(text, ["M1"]).standing is Standing.UNVERIFIED
    assert db.hypothetical(text, ["M1"]).standing is Standing.UNVERIFIED
    assert time.process_time() - began < 1


@pytest.mark.parametrize(("report", "cited", "sentence"), TRUE)
def test_a_true_sentence_stands(report: str, cited: str, sentence: str) -> None:
    assert judge(report).cited(sentence, [cited]).standing is Standing.VERIFIED


@pytest.mark.parametrize("sentence", FOREIGN_SENTENCES)
def test_of_another_language_the_figures_alone_are_checked_and_that_is_said(sentence: str) -> None:
    found = judge("baddeploy-checkout")
    assert found.cited(sentence, ["M2"]) == FOREIGN
    assert found.prose(sentence) == FOREIGN
    assert found.cited(sentence.replace("38.45", "83.45").replace("38,45", "83,45"), ["M2"]).standing is Standing.FALSE
    assert found.cited(sentence.replace("checkout", "payments"), ["M2"]).standing is Standing.FALSE


def test_a_healthy_component_carries_nothing_else() -> None:
    found = judge("baddeploy-checkout")
    assert found.prose("catalog and db stayed healthy, payments looks normal.").standing is Standing.VERIFIED
    for more in (
        ", attackers stole all customer data",
        " and the customer database got deleted",
        " as hackers left it",
    ):
        assert found.prose(f"catalog stayed healthy{more}.").standing is Standing.UNVERIFIED
        beside = found.prose(f"38.45 % of the requests to checkout fail, while catalog stayed healthy{more}.")
        assert beside.standing is not Standing.VERIFIED, more

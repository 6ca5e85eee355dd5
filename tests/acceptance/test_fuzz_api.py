"""Schemathesis asks every endpoint of the OpenAPI description everything it allows, and much that it does not."""

import contextlib
import os
from collections.abc import Callable
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "6"))
"""For each endpoint; `make fuzz` asks more."""
MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)


def test_no_endpoint_answers_500_whatever_it_is_asked(make_service: Callable[..., Any]) -> None:
    service = make_service(AIOPS_SETTLE_SECONDS="3600", AIOPS_SETTLE_MAX_SECONDS="3600")
    schema = schemathesis.openapi.from_url(f"{service.url}/openapi.json")
    bad: list[str] = []
    asked = 0

    def fuzz(operation: Any, mode: schemathesis.GenerationMode) -> None:
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            answer = case.call(timeout=60)
            if answer.status_code >= 500:
                bad.append(f"{answer.status_code} {case.method} {case.formatted_path} {case.body!r}"[:500])

        with contextlib.suppress(Unsatisfiable):  # nothing can be wrong with what takes no argument
            ask()

    operations: list[Any] = list(schema.get_all_operations())
    for found in operations:
        for mode in MODES:
            fuzz(found.ok(), mode)
    assert asked > EXAMPLES
    assert bad == []
    assert "Traceback" not in service.log()
    assert service.get("/health/ready") == {"status": "ready"}

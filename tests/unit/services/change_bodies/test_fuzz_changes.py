"""Whatever is posted as a change, it is taken, ignored or refused: never another error."""

import contextlib
import json
import os
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from aiops_processor.errors import InputError
from aiops_processor.services.change_bodies.judge import judge

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "150"))
KNOWN = """
title at service action ref head_commit repository full_name pusher sender app metadata labels release state deployment
deployment_status workflow_run created_at url id kind
"""
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
names = st.sampled_from(KNOWN.split())
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=6), max_leaves=20
)
events = st.sampled_from(["", "push", "deployment", "deployment_status", "release", "workflow_run", "ping", "star"])


@settings(max_examples=EXAMPLES, deadline=None)
@given(body=st.binary(max_size=50) | anything.map(lambda value: json.dumps(value).encode()), event=events)
def test_a_change_may_be_anything(body: bytes, event: str) -> None:
    headers = {"x-github-event": event} if event else {}
    with contextlib.suppress(InputError):
        judge(body, headers, datetime(2026, 1, 31, tzinfo=UTC))

"""What models answer when they were asked for one JSON object: a table of shapes that were seen, and what they mean."""

import contextlib
import json
import time

import pytest

from aiops_processor.errors import ModelUnreadable
from aiops_processor.llm.reading.answers import read

MEANT = {
    "summary": "Checkout fails since 12:00:10 UTC.",
    "root_cause": "The database's connections are used up.",
    "confidence": 0.85,
    "evidence": [{"id": "M1", "statement": "rose from 0 to 12.4/s"}],
    "remediation_steps": [{"priority": 1, "action": "Look at the pool", "command": "kubectl logs db-0"}],
}
TEXT = json.dumps(MEANT)
PRETTY = json.dumps(MEANT, indent=2)
SINGLE = """{'summary': 'Checkout fails since 12:00:10 UTC.', 'root_cause': 'The database's connections are used up.',
 'confidence': 0.85, 'evidence': [{'id': 'M1', 'statement': 'rose from 0 to 12.4/s'}], 'outcome': None,
 'remediation_steps': [{'priority': 1, 'action': 'Look at the pool', 'command': 'kubectl logs db-0'}]}"""
YAML = """summary: Checkout fails since 12:00:10 UTC.
root_cause: The database's connections are used up.
confidence: 0.85
evidence:
  - id: M1
    statement: rose from 0 to 12.4/s
remediation_steps:
  - priority: 1
    action: Look at the pool
    command: kubectl logs db-0
"""
INDENTED_YAML = "analysis:\n" + "".join(f"  {line}\n" for line in YAML.splitlines())
BLOCK_YAML = YAML.replace("summary: Checkout", "summary: >-\n  Checkout")
HEADINGS = """# Incident analysis

## Summary
Checkout fails since 12:00:10 UTC.

## Root Cause
The database's connections are used up.

**Confidence:** 85%

### Evidence
- [M1] rose from 0 to 12.4/s

### Next steps
1. Look at the pool
"""
TABLE = """Here is my analysis:

| Field | Value |
|---|---|
| Summary | Checkout fails since 12:00:10 UTC. |
| Root cause | The database's connections are used up. |
| Confidence | 85 % |
| Evidence | M1: rose from 0 to 12.4/s |
| Remediation | Look at the pool |
"""
LABELS = """Summary: Checkout fails since 12:00:10 UTC.
Root cause: The database's connections are used up.
Confidence: high (0.85)
Evidence:
* M1: rose from 0 to 12.4/s
Recommendations:
- Look at the pool
"""
CALL = {"name": "report", "arguments": MEANT}

DRIFT = {
    "a tool call": json.dumps(CALL),
    "a tool call with its arguments as text": json.dumps({"name": "report", "arguments": TEXT}),
    "a list of tool calls": json.dumps({"tool_calls": [{"id": "1", "function": {"name": "x", "arguments": TEXT}}]}),
    "a tool call in tags": f"<tool_call>\n{json.dumps(CALL)}\n</tool_call>",
    "a nested analysis": json.dumps({"status": "ok", "result": {"analysis": MEANT}}),
    "an answer in tags": f"<answer>{TEXT}</answer>",
    "the object as a string": json.dumps(TEXT),
    "the object with escaped quotes": TEXT.replace('"', '\\"'),
    "the object twice": TEXT + TEXT,
    "the object twice on lines": f"{PRETTY}\n\n{PRETTY}",
    "doubled braces": "{" + TEXT + "}",
    "line comments": PRETTY.replace('"confidence": 0.85,', '"confidence": 0.85, // rather sure: see https://x'),
    "hash comments": PRETTY.replace('  "confidence"', '  # rather sure\n  "confidence"'),
    "block comments": PRETTY.replace('"confidence"', '/* rather\n sure */ "confidence"'),
    "trailing commas everywhere": PRETTY.replace("\n  ]", ",\n  ]").replace("\n    }", ",\n    }") + ",",
    "single quotes": SINGLE,
    "curly quotes": TEXT.replace('": "', "”: “").replace('", "', "”, “").replace('{"', "{“").replace('"}', "”}"),
    "bare keys": TEXT.replace('"summary"', "summary").replace('"root_cause"', "root_cause"),
    "keys in camel case": TEXT.replace("root_cause", "rootCause").replace("remediation_steps", "remediationSteps"),
    "keys in title case": TEXT.replace("root_cause", "Root Cause").replace('"summary"', '"Summary"'),
    "keys of its own": TEXT.replace("root_cause", "probable_cause").replace("remediation_steps", "next_steps"),
    "confidence in words": TEXT.replace("0.85", '"eighty-five percent"'),
    "confidence as a fraction": TEXT.replace("0.85", '"85 out of 100"'),
    "confidence with a comma": TEXT.replace("0.85", '"0,85"'),
    "confidence in an object": TEXT.replace("0.85", '{"score": 85, "reason": "clear"}'),
    "NaN beside it": TEXT.replace('"confidence"', '"cost": NaN, "confidence"'),
    "infinity beside it": TEXT.replace('"confidence"', '"cost": -Infinity, "confidence"'),
    "raw newlines in a string": TEXT.replace("Checkout fails", "Checkout\nfails").replace("\nfails", " fails"),
    "a byte order mark": f"\ufeff{TEXT}",
    "a fence within thoughts": f"<thinking>```json\n{{}}\n```</thinking>\n```json\n{PRETTY}\n```",
    "yaml": YAML,
    "fenced yaml": f"Sure!\n```yaml\n{YAML}```\nAnything else?",
    "yaml under a key": INDENTED_YAML,
    "yaml with a block": BLOCK_YAML,
    "markdown headings": HEADINGS,
    "a markdown table": TABLE,
    "labels": LABELS,
}


@pytest.mark.parametrize("name", DRIFT)
def test_what_was_meant_is_read(name: str) -> None:
    draft = read(DRIFT[name])
    assert (draft.summary, draft.root_cause) == (MEANT["summary"], MEANT["root_cause"])
    assert draft.confidence == pytest.approx(0.85)
    assert [(claim.id, claim.statement) for claim in draft.evidence] == [("M1", "rose from 0 to 12.4/s")]
    assert [step.action for step in draft.remediation_steps] == ["Look at the pool"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("nine out of ten", 0.9),
        ("8/10", 0.8),
        ("twenty percent", 0.2),
        ("ninety nine percent", 0.99),
        ("about 70%", 0.7),
        ("very likely", 0.9),
        ("5/0", None),
        ("seven", 0.07),
        ("lonely", None),
    ],
)
def test_a_confidence_in_words_is_a_number(written: str, meant: float | None) -> None:
    assert read(json.dumps({"summary": "s", "confidence": written})).confidence == meant


@pytest.mark.parametrize(
    "answer",
    [
        "I cannot do that: I have no access.",
        "Note: this is hard.\nSummary: none",
        "summary\n\nroot cause\n",
        "a: 1\nb: 2",
        "- summary\n- root_cause",
        "&a [*a, *a]",
        '{"summary": }\nsummary: x\nroot_cause: y',
        "| a | b |\n|---|---|",
    ],
)
def test_what_means_nothing_is_not_read_into(answer: str) -> None:
    with pytest.raises(ModelUnreadable):
        read(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "{'" * 20_000,
        "{a:" * 20_000,
        "/*" * 50_000,
        '{\\"' * 20_000,
        "'" * 100_000,
        "a: " * 30_000,
        "[" * 50_000,
        "- " * 50_000,
        "? " * 50_000,
        "summary: x\n" * 9_000,
        "#" * 100_000,
        "|" * 100_000,
        "* " * 50_000,
        "{summary: '" + "' " * 40_000,
        " " * 100_000 + "{",
        "summary: &a [x, x]\nroot_cause: y\nb: &b [*a, *a]\nc: &c [*b, *b]\n"
        + "".join(f"d{n}: &d{n} [*{'c' if n == 0 else f'd{n - 1}'}, *b]\n" for n in range(60)),
    ],
    ids=lambda answer: repr(answer[:6]),
)
def test_no_shape_takes_long(answer: str) -> None:
    began = time.process_time()
    with contextlib.suppress(ModelUnreadable):
        read(answer)
    assert time.process_time() - began < 3

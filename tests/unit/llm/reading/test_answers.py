import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_processor.errors import ModelUnreadable
from aiops_processor.llm.reading.answers import MOST_CHARACTERS, read

WHOLE = {
    "summary": "CPU is saturated.",
    "root_cause": "A runaway job.",
    "evidence": ["cpu rose from 20 to 97", "load is 14.2"],
    "remediation_steps": ["Step 1: stop the job", "Step 2: cap it"],
    "confidence": 0.85,
}
TEXT = json.dumps(WHOLE)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(TEXT, id="plain"),
        pytest.param(f"```json\n{TEXT}\n```", id="fenced"),
        pytest.param(f"Here it is {{as asked}}:\n```\n{TEXT}\n```\nHope {{this}} helps!", id="prose and braces around"),
        pytest.param(f"[{TEXT}]", id="a list around"),
        pytest.param(f'{{"analysis": {TEXT}}}', id="an object around"),
        pytest.param(f'<think>\nMaybe {{"root_cause": "disk"}}? No.\n</think>\n\n{TEXT}', id="json in the thoughts"),
        pytest.param(f'Maybe {{"root_cause": "disk"}}? No.\n</THINK >{TEXT}', id="thoughts without a beginning"),
        pytest.param(f'<think>Maybe {{"root_cause": "disk"}}? No. {TEXT}', id="thoughts without an end"),
        pytest.param(f"{TEXT[:-1]}, }}", id="trailing comma"),
        pytest.param(TEXT.replace('"load is 14.2"]', '"load is 14.2",]'), id="trailing comma in a list"),
        pytest.param(TEXT.replace("saturated.", "saturated.\\d").replace("\\d", ""), id="as it was"),
    ],
)
def test_what_is_meant_is_read_whatever_is_around_it(answer: str) -> None:
    draft = read(answer)
    assert (draft.summary, draft.root_cause, draft.confidence) == ("CPU is saturated.", "A runaway job.", 0.85)
    assert [claim.statement for claim in draft.evidence] == ["cpu rose from 20 to 97", "load is 14.2"]
    assert [step.action for step in draft.remediation_steps] == ["stop the job", "cap it"]


def test_an_answer_counts_more_than_a_fuller_thought() -> None:
    draft = read(f'<think>Perhaps {TEXT}? No.</think>{{"summary": "Quiet.", "root_cause": "None."}}')
    assert (draft.summary, draft.confidence) == ("Quiet.", None)


def test_of_two_equal_answers_the_last_counts() -> None:
    assert read('First {"summary": "a"}, rather {"summary": "b"}').summary == "b"


def test_half_of_an_emoji_does_not_spoil_the_answer() -> None:
    assert read('{"summary": "down \\ud83d", "evidence": ["\\udd25 1"]}').summary == "down ?"


@pytest.mark.parametrize("answer", ["{" * 100_000, '{"a":"' * 16_000, '"{' * 50_000, "</think>" * 12_000])
def test_a_hostile_answer_takes_no_time(answer: str) -> None:
    began = time.process_time()
    with pytest.raises(ModelUnreadable):
        read(answer)
    assert time.process_time() - began < 3


def test_of_an_endless_answer_the_beginning_is_read() -> None:
    with pytest.raises(ModelUnreadable):
        read(" " * MOST_CHARACTERS + TEXT)


def test_a_cut_answer_is_read_as_far_as_it_is_whole() -> None:
    cut = TEXT[: TEXT.index("14.2") + 2]
    draft = read(cut)
    assert draft.root_cause == "A runaway job."
    assert [claim.statement for claim in draft.evidence] == ["cpu rose from 20 to 97"], "half a number is no number"


def test_an_answer_cut_in_an_object_of_a_list_keeps_what_was_complete() -> None:
    draft = read('{"summary": "s", "evidence": [{"id": "M1", "statement": "a 1"}, {"id": "M2", "stat')
    assert [claim.id for claim in draft.evidence] == ["M1"]


def test_a_backslash_of_a_shell_command_does_not_spoil_the_answer() -> None:
    draft = read(r'{"summary": "s", "remediation_steps": [{"action": "a", "command": "grep \d+ \"x\" a\\b"}]}')
    assert draft.remediation_steps[0].command == r'grep \d+ "x" a\b'


@pytest.mark.parametrize(
    ("given_", "read_"),
    [
        (0.85, 0.85),
        (85, 0.85),
        ("85", 0.85),
        ("85 %", 0.85),
        ("0.85", 0.85),
        ("high", 0.8),
        ("Low", 0.2),
        (1, 1.0),
        (0, 0.0),
        (-0.5, 0.0),
        (-5, None),
        (850, None),
        (True, None),
        (None, None),
        ("sure", None),
        ([0.5], None),
        (10**400, None),
    ],
)
def test_a_confidence_is_between_0_and_1_or_not_said(given_: object, read_: float | None) -> None:
    assert read(json.dumps({**WHOLE, "confidence": given_})).confidence == read_


def test_a_confidence_beyond_all_numbers_is_not_said() -> None:
    assert read('{"summary": "s", "confidence": 1e999}').confidence is None
    assert read('{"summary": "s", "confidence": NaN}').confidence is None


@pytest.mark.parametrize(
    ("given_", "read_"),
    [
        ([{"id": "M1", "statement": "up to 97"}], [("M1", "up to 97")]),
        (["M1: up to 97", "[L2] down"], [("M1", "up to 97"), ("L2", "down")]),
        ([{"source": "prom", "text": "cpu 97"}], [("", "cpu 97")]),
        ([{"evidence_id": "[M12]", "description": "x"}], [("M12", "x")]),
        ("cpu 97", [("", "cpu 97")]),
        ("- M1: cpu 97\n- L1: 3 lines", [("M1", "cpu 97"), ("L1", "3 lines")]),
        (["cpu 97", 97, None, ""], [("", "cpu 97"), ("", "97")]),
        (None, []),
        ("12.4 failures a second", [("", "12.4 failures a second")]),
        ({}, []),
    ],
)
def test_claims_are_read_from_objects_texts_and_lines(given_: object, read_: list[tuple[str, str]]) -> None:
    draft = read(json.dumps({**WHOLE, "evidence": given_}))
    assert [(claim.id, claim.statement) for claim in draft.evidence] == read_
    assert not any(claim.verified for claim in draft.evidence)


def test_a_model_cannot_call_its_own_claims_verified_nor_its_steps_harmless() -> None:
    claim = {"id": "M1", "statement": "x", "verified": True}
    step = {"action": "a", "command": "rm -rf /", "risk": "none"}
    draft = read(json.dumps({**WHOLE, "evidence": [claim], "remediation_steps": [step]}))
    assert not draft.evidence[0].verified
    assert draft.remediation_steps[0].risk == "low", "as made; verify sets it"


@pytest.mark.parametrize(
    ("given_", "read_"),
    [
        ([{"priority": 2, "action": "a"}, {"priority": "high", "action": "b"}], [(2, "a"), (1, "b")]),
        ([{"step": "a"}, "2. b"], [(1, "a"), (2, "b")]),
        ({"action": "a", "priority": "P3"}, [(3, "a")]),
        ("1. a\n2. b", [(1, "a"), (2, "b")]),
    ],
)
def test_steps_are_read_in_their_order(given_: object, read_: list[tuple[int, str]]) -> None:
    draft = read(json.dumps({**WHOLE, "remediation_steps": given_}))
    assert [(step.priority, step.action) for step in draft.remediation_steps] == read_


@pytest.mark.parametrize("spelt", ["not_an_incident", "Not an incident", "not-an-incident"])
def test_an_outcome_is_read_however_it_is_spelt(spelt: str) -> None:
    assert read(json.dumps({**WHOLE, "outcome": spelt})).outcome == "not_an_incident"


def test_an_outcome_of_its_own_making_is_not_said() -> None:
    assert read(json.dumps({**WHOLE, "outcome": "solved"})).outcome is None


def test_an_object_where_a_text_was_asked_for_gives_its_text() -> None:
    draft = read(json.dumps({"summary": None, "root_cause": {"text": "job", "score": 3}, "affected": "db\ncart"}))
    assert (draft.summary, draft.root_cause, draft.affected) == ("", "job", ("db", "cart"))


def test_hypotheses_keep_only_ids() -> None:
    item = {"cause": "c", "supports": "M1 and L2", "contradicts": [{"id": "M3"}]}
    draft = read(json.dumps({**WHOLE, "hypotheses": [item, "a deploy"]}))
    assert [(h.cause, h.supports, h.contradicts) for h in draft.hypotheses] == [
        ("c", ("M1", "L2"), ("M3",)),
        ("a deploy", (), ()),
    ]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("", "no JSON object"),
        ("I cannot look at your servers.", "no JSON object"),
        ("{}", "readable"),
        ('{"summary": "", "root_cause": null}', "readable"),
        ('{"summary": ', "readable"),
        ("{" * 5000, "readable"),
        ('{"a":' * 50_000, "nested"),
    ],
)
def test_what_cannot_be_read_says_why(answer: str, problem: str) -> None:
    with pytest.raises(ModelUnreadable, match=problem):
        read(answer)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*WHOLE, "id", "cause"]), inner),
    max_leaves=10,
)
pieces = st.sampled_from(
    [
        '{"',
        '"}',
        '"summary"',
        ":",
        ",",
        "[",
        "]",
        "{",
        "}",
        '"x',
        "\\",
        "\\ud800",
        "<think>",
        "</think>",
        "```json",
        "1e999",
    ]
)


@given(st.one_of(st.text(), st.lists(pieces | st.text(max_size=3)).map("".join), json_values.map(json.dumps)))
def test_reading_raises_nothing_else_on_any_text(answer: str) -> None:
    try:
        draft = read(answer)
    except ModelUnreadable:
        return
    assert draft.confidence is None or 0 <= draft.confidence <= 1
    assert draft.model_dump_json()


@given(
    st.dictionaries(st.sampled_from([*WHOLE, "outcome", "affected", "hypotheses"]), json_values), st.integers(0, 500)
)
def test_any_shape_of_any_field_is_read_or_refused_cut_or_whole(fields: dict[str, object], end: int) -> None:
    answer = json.dumps({"summary": "s", **fields})
    for text in (answer, answer[:end]):
        try:
            draft = read(text)
        except ModelUnreadable:
            continue
        assert draft.model_dump_json(), "what was read can be stored"


@pytest.mark.parametrize(
    ("hidden", "seen"), [("did n\u200bot rise", "did not rise"), ("r\u00adose", "rose"), ("38\u00a0%", "38 %")]
)
def test_what_nobody_sees_cannot_hide_a_word_from_the_checks(hidden: str, seen: str) -> None:
    draft = read(json.dumps({"summary": f"It {hidden}.\nSo it was.", "root_cause": "none"}))
    assert draft.summary == f"It {seen}.\nSo it was."

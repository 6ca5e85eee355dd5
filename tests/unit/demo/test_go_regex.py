import pytest

from aiops_processor.demo.go_regex import BadRegex, compiled, expanded


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("5..", "503", True),
        ("a|b", "b", True),
        ("a|b", "ab", False),
        ("[[:alpha:]]+", "abc", True),
        ("[[:digit:]_]+", "1_2", True),
        ("[^[:space:]]+", "a b", False),
        ("[[a]", "[", True),
        ("(?i)error", "ERROR", True),
        ("(?i:err)or", "ERRor", True),
        ("(?s)a.b", "a\nb", True),
        ("a$", "a\n", False),
        (r"a\z", "a", True),
        (r"[\]x]+", "]x", True),
        ("[]x]+", "]x", True),
        ("(?<name>a)", "a", True),
        ("(?P<name>a)", "a", True),
        (r"\d+", "٣", False),  # \d is ASCII in Go
        (".*", "", True),
    ],
)
def test_a_pattern_means_what_it_means_in_go(pattern: str, text: str, *, matches: bool) -> None:
    assert (compiled(pattern).fullmatch(text) is not None) == matches


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("([", "error parsing regexp: missing closing ]: `[`"),
        ("(a", "error parsing regexp: missing closing ): `(a`"),
        ("a)", "error parsing regexp: unexpected ): `a)`"),
        ("*a", "error parsing regexp: missing argument to repetition operator: `*`"),
        ("(?=a)", "error parsing regexp: invalid or unsupported Perl syntax: `(?=`"),
        ("(?<!a)b", "error parsing regexp: invalid or unsupported Perl syntax: `(?<`"),
        (r"(a)\1", r"error parsing regexp: invalid escape sequence: `\1`"),
        ("[[:nosuch:]]", "error parsing regexp: invalid character class range: `[:nosuch:]` in `[[:nosuch:]]`"),
        (r"\pL", r"`\p` in a regular expression is not implemented in the replay"),
    ],
)
def test_what_go_refuses_is_refused_in_its_words(pattern: str, reason: str) -> None:
    with pytest.raises(BadRegex) as error:
        compiled(pattern)
    assert str(error.value) == reason


@pytest.mark.parametrize(
    ("template", "result"),
    [("$1-$2", "a-b"), ("${1}x", "ax"), ("$1x", ""), ("$name", "b"), ("$9", ""), ("$$1", "$1"), ("no", "no")],
)
def test_a_template_takes_groups_by_number_and_by_name(template: str, result: str) -> None:
    match = compiled("(a)(?P<name>b)").fullmatch("ab")
    assert match is not None
    assert expanded(template, match) == result

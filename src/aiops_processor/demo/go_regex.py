"""Regular expressions in Go's syntax (RE2), as Prometheus and Loki take them, run by Python's `re`.

What both spell differently is translated; what RE2 does not have (look-around, back references) is refused, as Go does.
"""

import re
from functools import lru_cache

POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7F",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1F\x7F",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}

PIECE = re.compile(
    r"\\.|\[\^?\]?(?:\\.|\[:\^?[a-z]+:\]|[^\]\\])*\]|\(\?P?<\w+>|\(\?[imsU-]*[:)]|\(\?.?|\[.*|.", re.DOTALL
)
NO_ESCAPES = frozenset("GKkXZ123456789")
NOT_HERE = frozenset("pPQECx")


class BadRegex(ValueError):
    """Not a regular expression of Go's; the text is Go's own where it is a frequent mistake."""


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """The Python form of a Go pattern; use `fullmatch` where Go would anchor. Raises BadRegex."""
    flags, body = _leading_flags(pattern)
    text = "".join(_translated(piece.group(), pattern) for piece in PIECE.finditer(body))
    try:
        return re.compile(text, flags)
    except re.error as error:
        raise BadRegex(_reason(error, pattern)) from error


def _leading_flags(pattern: str) -> tuple[re.RegexFlag, str]:
    flags = re.ASCII
    while match := re.match(r"\(\?([ims]+)\)", pattern):
        for letter in match.group(1):
            flags |= re.RegexFlag[letter.upper()]
        pattern = pattern[match.end() :]
    return flags, pattern


def _translated(piece: str, pattern: str) -> str:
    if piece == "$":
        return r"\Z"
    if piece == r"\z":
        return r"\Z"
    if piece.startswith("\\") and piece[1:] in NOT_HERE:
        raise BadRegex(f"`{piece}` in a regular expression is not implemented in the replay")
    if piece.startswith("\\") and piece[1:] in NO_ESCAPES:
        raise BadRegex(f"error parsing regexp: invalid escape sequence: `{piece}`")
    if piece.startswith("[") and len(piece) > 1:
        return re.sub(r"\[:(\^?)([a-z]+):\]", lambda match: _posix(match, pattern), piece).replace("[[", r"[\[")
    if re.fullmatch(r"\(\?<\w+>", piece):
        return piece.replace("(?<", "(?P<")
    if piece.startswith("(?") and not re.fullmatch(r"\(\?P<\w+>|\(\?[ims]*(?:-[ims]+)?:", piece):
        raise BadRegex(f"error parsing regexp: invalid or unsupported Perl syntax: `{piece[:3]}`")
    return piece


def _posix(match: re.Match[str], pattern: str) -> str:
    negated, name = match.groups()
    if negated or name not in POSIX:
        raise BadRegex(f"error parsing regexp: invalid character class range: `{match.group()}` in `{pattern}`")
    return POSIX[name]


def _reason(error: re.error, pattern: str) -> str:
    if "unterminated character set" in error.msg:
        return f"error parsing regexp: missing closing ]: `{pattern[pattern.rfind('[') :]}`"
    if "unterminated subpattern" in error.msg:
        return f"error parsing regexp: missing closing ): `{pattern}`"
    if "unbalanced parenthesis" in error.msg:
        return f"error parsing regexp: unexpected ): `{pattern}`"
    if "nothing to repeat" in error.msg:
        return f"error parsing regexp: missing argument to repetition operator: `{pattern[error.pos or 0 :][:1]}`"
    return f"error parsing regexp: {error.msg}: `{pattern}`"


def expanded(template: str, match: re.Match[str]) -> str:
    """Go's `Expand`: `$1`, `$name` and `${name}`; a group that does not exist is empty; `$$` is a dollar."""
    return re.sub(r"\$(?:(\$)|(\w+)|\{(\w+)\})", lambda found: _group(found, match), template, flags=re.ASCII)


def _group(found: re.Match[str], match: re.Match[str]) -> str:
    if found.group(1):
        return "$"
    name = found.group(2) or found.group(3)
    if name.isdigit():
        return (match.group(int(name)) or "") if int(name) <= match.re.groups else ""
    return (match.group(name) or "") if name in match.re.groupindex else ""

"""Secrets and personal data, masked in whatever leaves: prompts, notifications, logs, stored evidence.

What a secret looks like is detect-secrets' knowledge; what it does not look for (values of secret-sounding fields
without quotation marks, whole private keys, bearer tokens) and personal data are found here. Ids of traces, pods and
images survive.
"""

import functools
import hashlib
import ipaddress
import re
import secrets
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.plugins.base import BasePlugin, RegexBasedDetector
from pydantic import BaseModel

from aiops_processor.masking_shapes import BEHIND, SOUNDS_SECRET, TELLS_NO_SECRET, hinted, otherwise, unquoted

M = TypeVar("M", bound=BaseModel)
Finder = Callable[[str], list[str]]
"""The secrets that one detector sees in a line."""

AS_THEY_ARE = frozenset({"id", "fingerprint", "schema_version", "at", "points"})
"""Fields that are no text."""
ADDRESSES = frozenset({"link", "explore", "url", "generator_url", "generatorURL"})
"""Only passwords and secret parameters are masked in these: an address with anything else masked leads nowhere."""
FREE = frozenset({"labels", "annotations", "metadata", "extra", "data"})
REMEMBERED, LONGEST_REMEMBERED = 8_000, 1_000
"""So many texts of at most so many characters: some 16 MB. What is longer is masked anew."""
SHORTEST, LONGEST_LINE = 5, 20_000

_KEYWORD, _PUBLIC_IP = "Secret Keyword", "Public IP (ipv4)"
_BEHIND_NAMES = frozenset(
    {_KEYWORD, "Cloudant Credentials", "IBM Cloud IAM Key", "IBM COS HMAC Credentials", "SoftLayer Credentials"}
)
"""These find what is assigned to a name that sounds secret (or stands in an address, where it is masked before), and
are the slowest: nothing in their expressions stands first."""
_ENTROPY = frozenset({"Base64 High Entropy String", "Hex High Entropy String"})
# Nothing stands before the name: `[\w.-]*` there takes quadratic time, minutes for a long word.
_NAMED = re.compile(
    # JSON stands in JSON with a backslash before each quotation mark, form data with `%3D` for `=`.
    rf"(?i)(?P<name>{SOUNDS_SECRET}(?:[_-]?(?:key|value|hash|base)){{0,2}})(?P<mark>\]?\\*[\"']?\s*(?:=>|:=|[:=]|%3d)\s*\[?)"
    r"(?P<value>\"\"[^\"]+\"\"|\"(?:\\.|[^\"\\])+\"|'[^']+'|\\+\"(?:[^\"\\]|\\(?!\"))+|[^\s\"',;&|)}\]]+)"
)
_NO_VALUE = re.compile(
    r"(?i)[\"']?(?:null|none|nil|true|false|undefined|missing|empty|invalid|expired|required|redacted|filtered|hidden|masked"
    r"|ok|yes|no|\*+|x{3,}|\.+|\\+|<[^>]*>|‹[^›]*›|[|>][+-]?\d?|\$\{?\w+\}?|%\w|-?\d{1,4}|[\[{])[\"']?$"
)
_WORD = re.compile(r"^[\"']?[A-Za-z][a-z]*[\"']?$|^[\"']?[A-Z][A-Za-z]*(?:Exception|Error)[\"']?$")
_IDENTIFIES = re.compile(
    r"(?i)(?:trace|span|request|correlation|transaction|parent|container|pod|image|sha|sha1|sha256|md5|digest|hash|commit"
    r"|revision|etag|checksum|fingerprint|uid|uuid|guid|block|node|build|version|instance|task|job|id)"
    r"[\w.-]*[\"']?\s*[:= ]\s*[\"']?$"
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*-----|\Z)", re.DOTALL
)
_BEARER = re.compile(r"(?i)\b((?:bearer|basic|token)\s+)([A-Za-z0-9._~+/-]{12,}=*)")
_OPTION = re.compile(rf"(?i)((?<![\w-])--[\w-]{{0,40}}?{SOUNDS_SECRET}\s+)(\"[^\"]+\"|'[^']+'|[^\s\"'-]\S*)")
_AUTHORIZATION = re.compile(
    r"(?i)\b(authorization\\*[\"']?\s*[:=]\s*\[?\\*[\"']?(?:(?:bearer|basic|token|api-?key)\s+)?)([^\s\"',;\\‹]{6,})"
)
_IN_ADDRESS = re.compile(r"(://[^\s/?#:@\"'<>‹]{0,200}:)([^\s/?#@\"'<>‹]{1,200})(?=@)")
_PARAMETER = re.compile(
    rf"(?i)([?&](?:[\w.-]{{0,40}}{SOUNDS_SECRET}|sig|(?:x-(?:amz|goog)-)?signature)=)([^\s&#\"'<>‹]+)"
)
_PREFIXED = re.compile(
    # `%20eyJ…`: what a letter or digit ends before may be an encoded character, encoded twice even
    r"(?:(?<![\w-])|(?<=%[2-7][0-9A-Fa-f])|(?<=%25[2-7][0-9A-Fa-f]))"
    r"(?:AKC[A-Za-z0-9]{10,}|sk-(?:ant|proj|svcacct|admin|or)-[\w-]{16,}|sk-[A-Za-z0-9]{32,}|github_pat_\w{20,}|npm_[A-Za-z0-9]{30,}"
    r"|hv[sbr]\.[\w-]{20,}|dop_v1_[0-9a-f]{40,}|dckr_pat_[\w-]{20,}|glsa_\w{30,}|hf_[A-Za-z0-9]{30,}|shp(?:at|ss)_\w{30,}"
    r"|AIza[\w-]{35}|ya29\.[\w-]{20,}|xai-[\w-]{30,}|gsk_\w{30,}|ATATT3[\w=-]{30,}|whsec_[\w+/=]{20,}|rk_live_\w{20,}|dapi[0-9a-f]{32}"
    r"|AGE-SECRET-KEY-1[A-Z0-9]{50,80}"
    r"|eyJ[\w-]{8,}={0,2}\.[\w-]{2,}={0,2}(?:\.[\w+/=-]*)*)"
)
"""What issuers put before their keys so that scanners find them; those that detect-secrets does not know, and of a JSON
Web Token the signature, which it leaves."""
_KEY_BODY = re.compile(
    r"(?m)^[ \t]*([A-Za-z0-9+/]{60,76}={0,2})[ \t\r]*$|(?<![A-Za-z0-9+/])(MI[IG][A-Za-z0-9+/]{40,}={0,2})"
)
"""A line of a PEM file by itself: a log store cuts a key into its lines. `MII` begins what is DER within."""
_SECRET_SOUND = re.compile(SOUNDS_SECRET, re.IGNORECASE)
_MARK = re.compile(r"‹([a-z]+) [0-9a-f]{4}›")
_LONG_WORD = re.compile(r"\w+(?=\w{300})")
_PERSONAL: tuple[tuple[str, str, re.Pattern[str]], ...] = (
    ("email", "@", re.compile(r"(?<![\w.+'-])[^\W_][\w.+'-]*@[^\W_][\w-]*(?:\.[\w-]+)*\.[^\W\d_]{2,24}\b")),
    ("iban", "", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")),
    (
        "card",
        "",
        re.compile(r"(?<![\w.-])(?:[3-6]\d{3}([ -]?)\d{4}\1\d{4}\1\d{1,7}|3[47]\d{2}[ -]?\d{6}[ -]?\d{5})(?![\w.-])"),
    ),
    ("iban", "", re.compile(r"(?i)(?<=iban[ :=])[a-z]{2}\d{2}(?: ?[a-z0-9]{4}){3,7}(?: ?[a-z0-9]{1,3})?\b")),
    ("ip", ":", re.compile(r"(?<![\w:.])[23][0-9A-Fa-f]{3}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")),
    ("phone", "(", re.compile(r"(?<![\w(])\(\d{3}\) \d{3}-\d{4}(?!\w)")),
    ("phone", "0", re.compile(r"(?i)(?<=\btel )0\d{2,4}[ /-]?\d[\d -]{4,10}\d(?!\w)")),
    ("phone", "+", re.compile(r"(?<![\w.+])\+[1-9]\d{0,2}[ .-]?\(?\d{1,4}\)?(?:[ .-]?\d{2,4}){2,4}(?!\w)")),
    ("ssn", "-", re.compile(r"(?<![\w.-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w.-])")),
)
"""Kind, what every one of it holds (most texts hold it not, and need no closer look), and its form."""


class Mask:
    """Masks texts. What is alike gets the same mark within a process, so that one can still be told from another."""

    def __init__(self) -> None:
        kinds: dict[str, type[BasePlugin]] = get_mapping_from_secret_type_to_class()
        self._detectors = tuple((kind, _finder(made())) for kind, made in kinds.items())
        self._salt = secrets.token_bytes(16)
        self._text = functools.lru_cache(REMEMBERED)(self._masked)

    def text(self, text: str) -> str:
        """The text without secrets and personal data."""
        if len(text) <= SHORTEST:
            return text
        return self._text(text) if len(text) <= LONGEST_REMEMBERED else self._masked(text)

    @property
    def remembered(self) -> int:
        """How many texts are remembered with what they were masked to."""
        return self._text.cache_info().currsize

    def value(self, value: Any) -> Any:
        """A plain JSON value with all of its texts masked, but for fields that are no text."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self._of_field(key, item) for key, item in value.items()}
        return [self.value(item) for item in value] if isinstance(value, list) else value

    def model(self, made: M) -> M:
        """The same with all of its texts masked."""
        plain = made.model_dump(mode="json", by_alias=True)
        return made.__class__.model_validate(self._of_model(plain))

    def _of_model(self, value: Any) -> Any:
        """As `value`, but for fields that are no text. Labels and annotations are text, whatever their name."""
        if isinstance(value, list):
            return [self._of_model(item) for item in value]
        if not isinstance(value, dict):
            return self.value(value)
        return {key: self._field(key, item) for key, item in value.items()}

    def _field(self, key: str, item: Any) -> Any:
        if key in FREE:
            return self.value(item)
        if key in ADDRESSES and isinstance(item, str):
            return self._address(item)
        return item if key in AS_THEY_ARE else self._of_model(item)

    def _of_field(self, key: Any, item: Any) -> Any:
        """A label or annotation: its name may say that its value is a secret."""
        if isinstance(item, str) and isinstance(key, str) and re.search(rf"(?i){SOUNDS_SECRET}$", key):
            return item if _harmless(item) else self._mark("secret", item)
        return self.value(item)

    def _address(self, text: str) -> str:
        return _PARAMETER.sub(self._behind, _IN_ADDRESS.sub(self._behind, text))

    def _masked(self, text: str) -> str:
        """As it is written; or as it was before it was encoded, where more is found in that."""
        best = self._as_written(text)
        for decoded in otherwise(text):
            found = self._as_written(decoded)
            best = found if found.count("‹") >= max(1, best.count("‹")) else best
        # What is masked by now stays so: decoded, `bob:p%40ss@db` would hide the `p` alone.
        if (decoded := unquoted(best)) == best:
            return best
        found = self._as_written(decoded)
        return found if found.count("‹") > best.count("‹") else best

    def _as_written(self, text: str) -> str:
        for pattern in (_PRIVATE_KEY, _PREFIXED):
            text = pattern.sub(lambda found: self._mark("secret", found[0]), text)
        text = _KEY_BODY.sub(self._key_body, text)
        text = self._address(text)
        if hinted(text):
            for pattern in (_AUTHORIZATION, *BEHIND):
                text = pattern.sub(self._behind, text)
            text = _OPTION.sub(self._behind, _NAMED.sub(self._named, text))
        text = _BEARER.sub(self._behind, text)
        text = "\n".join(map(self._line, text.split("\n")))
        for kind, sign, pattern in _PERSONAL:
            if sign in text:
                text = pattern.sub(functools.partial(self._personal, kind), text)
        return text

    def _named(self, found: re.Match[str]) -> str:
        name, value = found["name"].lower(), found["value"]
        plain = (name.endswith("token") and _WORD.match(value)) or (
            name.endswith("cookie") and TELLS_NO_SECRET.match(value)
        )
        if plain or _harmless(value):
            return found[0]
        quote = value[0] if value[0] in "\"'" else ""
        return f"{found['name']}{found['mark']}{quote}{self._mark('secret', value)}{quote}"

    def _behind(self, found: re.Match[str]) -> str:
        """What stands behind a name, a scheme or an option; words (`Authorization: denied`) are no secret."""
        value = found[2]
        if _harmless(value) or (found[1][0] not in "?&" and (_WORD.match(value) or TELLS_NO_SECRET.match(value))):
            return found[0]
        return found[1] + self._mark("secret", value)

    def _key_body(self, found: re.Match[str]) -> str:
        body = found[1] or found[2]
        mixed = all(re.search(kind, body) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
        return found[0].replace(body, self._mark("secret", body)) if mixed else found[0]

    def _line(self, line: str) -> str:
        if len(line) <= SHORTEST:
            return line
        if len(line) > LONGEST_LINE:
            line = f"{line[:LONGEST_LINE]}…"
        for kind, value in sorted(self._found(line), key=lambda each: -len(each[1])):
            line = line.replace(value, self._mark("ip" if kind == _PUBLIC_IP else "secret", value))
        return line

    def _found(self, line: str) -> Iterator[tuple[str, str]]:
        named = hinted(line)
        for kind, found_in in self._detectors:
            if kind in _BEHIND_NAMES and not named:
                continue
            searched = line
            if kind == _KEYWORD:  # the slowest by far, and quadratic in a long word
                if not _SECRET_SOUND.search(line):
                    continue
                searched = _LONG_WORD.sub("", line)
            for value in found_in(searched):
                if not value or _harmless(value) or (kind in _ENTROPY and _identifies(line, value)):
                    continue
                if kind != _PUBLIC_IP or _is_somebodys(line, value):
                    yield kind, value

    def _personal(self, kind: str, found: re.Match[str]) -> str:
        checks: dict[str, Callable[[str], bool]] = {"card": _luhn, "iban": _iban, "ip": _global}
        real = checks.get(kind, bool)(re.sub(r"[ -]", "", found[0]))
        return self._mark(kind, found[0]) if real else found[0]

    def _mark(self, kind: str, value: str) -> str:
        digest = hashlib.blake2s(value.strip("\"'").encode("utf-8", "replace"), key=self._salt, digest_size=2)
        return f"‹{kind} {digest.hexdigest()}›"


def unsalted(text: str) -> str:
    """The text with the same marks in every process: what was masked is not told apart by them any more."""
    return _MARK.sub(r"‹\1›", text)


def _finder(detector: BasePlugin) -> Finder:
    """How to ask a detector. Of an expression with groups it tells the groups alone, and some of them hold a prefix."""
    if isinstance(detector, RegexBasedDetector) and type(detector).analyze_string is RegexBasedDetector.analyze_string:
        patterns = tuple(detector.denylist)
        return lambda line: [_whole(found) for pattern in patterns for found in pattern.finditer(line)]
    return lambda line: [
        secret.secret_value or "" for secret in detector.analyze_line(filename="", line=line, line_number=0) or ()
    ]


def _whole(found: re.Match[str]) -> str:
    """The group that stands apart in its match (`://bob:(…)@`), else all of it (`(ghp)_…`)."""
    start, end = max((found.span(group) for group in range(1, found.re.groups + 1)), key=_length, default=(-1, -1))
    around = found.string[max(start - 1, found.start()) : start] + found.string[end : min(end + 1, found.end())]
    return found.string[start:end] if end > start and not re.search(r"[\w-]", around) else found[0]


def _length(span: tuple[int, int]) -> int:
    return span[1] - span[0]


def _harmless(value: str) -> bool:
    """A value that keeps no secret: nothing, a number, a placeholder, or masked already."""
    return "‹" in value or bool(_NO_VALUE.match(value))


def _identifies(line: str, value: str) -> bool:
    """Whether what stands before says that this is an id and no secret."""
    before = line[: line.find(value)]
    return bool(_IDENTIFIES.search(before[-60:]))


def _is_somebodys(line: str, address: str) -> bool:
    """A public address, and not a version that looks like one."""
    if re.search(r"(?i)(?:[~_v-]|version[ :=]*)$", line[: line.find(address)]):
        return False
    return ipaddress.ip_address(address.partition(":")[0]).is_global


def _global(address: str) -> bool:
    """An address of IPv6 that is reached from everywhere."""
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False


def _luhn(digits: str) -> bool:
    if not 13 <= len(digits) <= 19:
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (2 if place % 2 else 1)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def _iban(text: str) -> bool:
    """ISO 13616: the remainder of the rearranged number is 1."""
    turned = text[4:] + text[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1

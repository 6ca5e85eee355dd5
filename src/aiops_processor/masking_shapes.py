"""The shapes beside `name=value` in which logs hold secrets, and what a text was before somebody encoded it."""

import html
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

SOUNDS_SECRET = r"""(?:pass(?:wor[dt]|wd|phrase)?|pwd|(?<![A-Za-z])pw|secret|api[_-]?key|access[_-]?key|private[_-]?key
|auth[_-]?key|(?:account|signing|encryption|master|shared)[_-]?key|token|credentials?|client[_-]?secret
|session[_-]?(?:key|secret)|cookie|contrase(?:ñ|n)a|kennwort)""".replace("\n", "")

_NUMBERED = (
    r"(?:(?:attempt|try|retry|policy|check|rule|step|field|slot|round|test|entry|column|line|version)[-_#]?\d{1,4}"
    r"|(?:sha|md|scram-sha)[-_]?\d{1,3}|argon2(?:id|i|d)?|pbkdf2)"
)
"""What stands behind `password` and is none, though it has letters and digits: `password attempt2`, `… sha512`."""

BEHIND: tuple[re.Pattern[str], ...] = (
    # `<password>…</password>`
    re.compile(rf"(?i)(<[\w.:-]{{0,40}}?{SOUNDS_SECRET}(?:\s[^<>]{{0,100}})?>\s*)([^<>]{{1,500}})(?=</)"),
    # a form's part: the value stands two lines below its name
    re.compile(rf"(?i)(name=\\?\"[\w.-]{{0,40}}?{SOUNDS_SECRET}\\?\"(?:\r?\n|\\r\\n|\\n){{2}})([^\r\n\\]{{1,500}})"),
    # a block of YAML below its name
    re.compile(rf"(?i)({SOUNDS_SECRET}\s*:\s*[|>][+-]?\d?[ \t]*\r?\n[ \t]+)([^\n]{{1,500}})"),
    # Cookie: a=b; c=d
    re.compile(r"(?i)(cookie\\*[\"']?\s*[:=]\s*\[?\\*[\"']?)((?:[\w.-]{1,80}=[^;\s\"'\\\]]{1,4000}(?:;\s*)?)+)"),
    # what programs are called with
    re.compile(r"(?i)(\bcurl\b[^\n|]{0,200}?\s(?:-u|--user)\s+[\"']?[^\s:\"']{1,100}:)([^\s\"']{1,200})"),
    re.compile(r"(\b(?:docker|podman)\s+login\b[^\n|;]{0,200}?\s-p\s+)([^\s\"'-][^\s\"']{0,200})"),
    re.compile(
        r"(\b(?:sshpass\s+-p\s*|redis-cli\b[^\n|;]{0,100}?\s-a\s+|ldap\w+\b[^\n|;]{0,200}?\s-w\s+"
        r"|(?:mysql|mysqldump|mysqladmin|mariadb)\b[^\n|;]{0,200}?\s-p))([^\s\"'-][^\s\"']{0,200})"
    ),
    re.compile(r"(?i)(\b(?:jdbc:oracle:\w+:|sqlplus\s+)[\w.-]{1,100}/)([^\s@/]{1,200})(?=@)"),
    # Redis' command, not `AUTH FAILED` and no method of SMTP
    re.compile(
        r"(\bAUTH\s+(?!(?:[A-Z]+|(?:CRAM|DIGEST|SCRAM)-[A-Z0-9-]+|XOAUTH2)[:,.;!]*(?:\s|$))"
        r"|(?i:\b(?:requirepass|masterauth)\s+))([^\s\"']{6,200})"
    ),
    # the same with a user, at the end of a line: in the middle of one, `AUTH` begins a sentence
    re.compile(
        r"(?m)(\bAUTH\s+[\w.-]{1,64}\s+[\"']?)((?=[^\s\"']{0,200}\d)(?!\d+[a-z]{0,2}\b)[^\s\"'‹]{6,200})(?=[\s\"']*$)"
    ),
    # SQL, and how people write: a word alone is no password, one with a digit in it is
    re.compile(r"(?i)(\b(?:identified\s+by|password)\s+)('[^'\n]{1,200}')"),
    re.compile(
        rf"(?i)(\b(?:password|passwd|passphrase|pwd|api[ _-]?key)\s+(?!{_NUMBERED}(?:[\s\"',;.:)]|$))"
        r"(?:is\s+|was\s+|(?:set\s+)?to\s+)?)"
        r"((?=[^\s\"',;]{0,200}\d)(?=[^\s\"',;]{0,200}[A-Za-z])[^\s\"',;‹]{6,200})"
    ),
    re.compile(r"(?i)(\b(?:otp|cvv2?|cvc)\s*[:=]\s*)(\d{3,8})\b"),
    re.compile(r"(?i)(/IncomingWebhook/)([\w-]{16,100})"),
    # Docker's own file, as it stands in a secret of Kubernetes
    re.compile(r"(\"auth\\*\"\s*:\s*\\*\")([A-Za-z0-9+/]{12,4000}={0,2})(?=\\*\")"),
    re.compile(r"(?i)(https?://(?:\w+\.)?discord(?:app)?\.com/api(?:/v\d+)?/webhooks/\d+/)([\w-]{20,})"),
)
"""What stands before a secret, and the secret."""

TELLS_NO_SECRET = re.compile(
    r"(?i)(?:(?:(?:size|len(?:gth)?|count|bytes|max-age|age|ttl|limit|max|min|total|port|attempts?|retries|status|code)=\d{1,9}"
    r"|(?:user(?:name)?|login|method|mech(?:anism)?|type|realm|host|status|result|reason|state)=[a-z][a-z._-]*\d{0,3}"
    r"|[\w.-]+=(?:true|false)|samesite=[a-z]+)(?:;\s*|$))+$"
)
"""Fields behind a name that sounds secret which measure something or say whose it is: `cookie: size=4096`."""

_HINTS = (
    "auth", "api", "contrase", "cookie", "credential", "curl", "cvc", "cvv", "discord", "docker", "identified",
    "incomingwebhook", "kennwort", "key", "ldap", "mariadb", "mysql", "oracle", "otp", "pass", "podman", "pw", "redis",
    "secret", "sqlplus", "token",
)  # fmt: skip

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_ESCAPED = re.compile(r"\\u00([2-7][0-9a-fA-F])")
_ENTITY = re.compile(r"&(?:quot|apos|amp|lt|gt|#\d{2,3}|#x[0-9a-fA-F]{2});")
_PERCENT = re.compile(r"%[2-7][0-9A-Fa-f]")
_CONTROL = re.compile(r"%(?:[01][0-9A-Fa-f]|7[Ff])")
MOST_DECODED = 3
"""So often a text may have been encoded anew on its way."""


def hinted(text: str) -> bool:
    """Whether any shape may be in the text, or a name that sounds secret: most lines need no closer look."""
    folded = text.casefold()
    return any(hint in folded for hint in _HINTS)


def otherwise(text: str) -> Iterator[str]:
    """The text as it was before somebody encoded it, for each way in which it seems to be. Percent: see `unquoted`."""
    ways: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
        (_ANSI, lambda said: _ANSI.sub(" ", said)),
        (_ESCAPED, lambda said: _ESCAPED.sub(lambda found: chr(int(found[1], 16)), said)),
        (_ENTITY, html.unescape),
    )
    for sign, decoded in ways:
        if sign.search(text):
            yield decoded(text)


def unquoted(text: str) -> str:
    """The text without its percent-encoding."""
    for _ in range(MOST_DECODED):
        if not _PERCENT.search(text):
            break
        text = unquote(_CONTROL.sub(" ", text), errors="replace")
    return text

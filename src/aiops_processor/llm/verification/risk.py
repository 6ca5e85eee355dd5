"""How dangerous a step is, from its command and its words: code says so, never the model."""

import re
from typing import Literal

Risk = Literal["low", "medium", "high"]

_DESTROYS = re.compile(
    r"(?i)\b(?:delete|drop|rm|rmdir|terminate|kill|pkill|killall|destroy|truncate|purge|wipe|erase|mkfs\S*|dd|shred"
    r"|pg_terminate_backend|shutdown|poweroff|reboot|halt|drain|evict|uninstall|flushall|flushdb|failover)\b"
    r"|\|\s*(?:sudo\s+)?(?:ba|z|da|k)?sh\b|\beval\b|\bbase64\s+(?:-d|--decode)\b|\bcluster-admin\b|@/etc/|/etc/(?:passwd|shadow)\b"
    r"|--force\b|--grace-period=0|--hard\b|--now\b|--vacuum-|\bauthorized_keys\b|\s-\w*X\s*[\"']?DELETE\b"
)
_OF_KUBECTL = (
    r"(?:\s+(?:-n|-s|--namespace|--context|--cluster|--user|--kubeconfig|--server)(?:=|\s+)\S+|\s+--[\w-]+=\S+)*+"
)
"""Options before the verb. Those with a value are known by name: in `-n get scale` the verb is `scale`."""
_ONLY_LOOKS = re.compile(
    r"(?i)^(?:"
    rf"(?:kubectl|oc){_OF_KUBECTL}\s+(?:get|describe|logs|top|explain|version|events|auth\s+can-i|diff"
    r"|rollout\s+(?:status|history))\b"
    r"|systemctl\s+(?:status|show|is-\w+|list-\S+|cat)\b"
    r"|(?:docker|podman|crictl)\s+(?:ps|logs|inspect|stats|images|top)\b"
    r"|helm\s+(?:list|status|history|get)\b|git\s+(?:log|show|diff|status)\b|ip\s+\w+(?:\s+show)?$"
    r"|(?:journalctl|grep|egrep|zgrep|cat|less|head|tail|wc|sort|uniq|cut|jq|ls|ps|top|free|df|du|uptime|vmstat|iostat"
    r"|sar|mpstat|netstat|ss|lsof|dig|nslookup|host|ping|traceroute|promtool\s+query|logcli|amtool\s+alert(?!\s+add)"
    r"|echo)\b)"
)
_WRITES = re.compile(
    r"\bsort\b.*\s(?:-o|--output)|\bss\b.*\s(?:-\w*K|--kill)\b|\bgit\b.*\s--output\b|\bjournalctl\b.*\s--(?:rotate|flush|sync)\b"
)
_CURL_LOOKS = re.compile(
    r"^curl(?:\s+(?:-[sSfLkivI46]+|--(?:silent|show-error|fail|location|insecure|include|head|verbose|compressed)"
    r"|(?:-X|--request)[ =]?(?:GET|HEAD)|-o\s*/dev/null|(?:-m|--max-time|--connect-timeout)[ =]?[\d.]+"
    r"|(?:-H|--header|-w|--write-out)\s+(?:'[^']*'|\"[^\"]*\")|'https?://[^']*'|\"https?://[^\"]*\"|(?!-)[\w.\[][^\s'\"]*))+$"
)
"""curl with nothing but what is known to read: of its 250 options most send or write something."""
_AROUND = re.compile(r"^(?:sudo|watch(?:\s+(?:-n\s*[\d.]+|-[dtbegc]+))*|time|timeout\s+[\d.]+[smh]?)\s+")
_WRITES_A_FILE = re.compile(r">|\btee\b|\bxargs\b")
_TO_NOWHERE = re.compile(r"(?:\d|&)?>\s*(?:/dev/null|&\d)")
_PARTS = re.compile(r"&&?|\|\|?|;|\n|\$\(|`|<\(")
_INSERTED = re.compile(r"\$\(|`|<\(")
_QUOTED = re.compile(r"'[^']*'|\"[^\"$`]*\"")
_TELLS_TO = r"(?:^|[.,;:]\s*|\b(?:and|then|or|to|please|now|first|next|manually)\s+)"
_DESTROYING = re.compile(
    rf"(?i){_TELLS_TO}(?:delete|drop|remove|terminate|kill|destroy|truncate|purge|wipe|erase|format|shut\s+down|power\s+off"
    r"|reboot|drain|evict|uninstall|flush|fail\s*over|reset)\b"
)
_CHANGING = re.compile(
    rf"(?i){_TELLS_TO}(?:scale|restart|roll|revert|apply|patch|set|increase|decrease|raise|lower|reduce|change|edit|enable"
    r"|disable|stop|start|deploy|redeploy|upgrade|downgrade|update|move|rotate|block|add|create|recreate|replace|switch"
    r"|tune|throttle|cordon|resize|expand|migrate)\b"
)


def risk_of(command: str, action: str = "") -> Risk:
    """`low` when all that it does is look, `high` when something may be lost, else `medium`.

    Of command and words the worst counts; words without a command are `medium` at least, for nobody knows what will
    be typed.
    """
    if _DESTROYING.search(action) or _DESTROYS.search(command):
        return "high"
    if not command.strip():
        return "high" if _DESTROYS.search(action) else "medium"
    return "low" if _looks(command) and not _CHANGING.search(action) else "medium"


def _looks(command: str) -> bool:
    """Whether each of its parts is known to change nothing, and none sends what another one read."""
    command = _TO_NOWHERE.sub("", command.strip())
    parts = [part.strip(" )") for part in _PARTS.split(_QUOTED.sub(_without_marks, command)) if part.strip(" )")]
    sends = "curl" in command and _INSERTED.search(command)
    if not parts or sends or _WRITES_A_FILE.search(command) or _WRITES.search(command):
        return False
    return all(_ONLY_LOOKS.match(part) or _CURL_LOOKS.match(part) for part in map(_inner, parts))


def _without_marks(quoted: re.Match[str]) -> str:
    """A quoted text without what would part commands outside of quotation marks: `curl 'x?a=1&b=2'`."""
    return re.sub(r"[&|;\n`]", ".", quoted[0])


def _inner(part: str) -> str:
    """What is run behind `sudo`, `watch` and their like."""
    while found := _AROUND.match(part):
        part = part[found.end() :]
    return part

"""How dangerous a step is, from its command: code says so, never the model."""

import re
from typing import Literal

Risk = Literal["low", "medium", "high"]

_DESTROYS = re.compile(
    r"(?i)\b(?:delete|drop|rm|rmdir|terminate|kill|pkill|killall|destroy|truncate|purge|wipe|erase|mkfs\S*|dd|shred"
    r"|pg_terminate_backend|shutdown|poweroff|reboot|halt|drain|evict|uninstall|flushall|flushdb|failover)\b"
    r"|\|\s*(?:sudo\s+)?(?:ba|z|da|k)?sh\b|\beval\b|\bbase64\s+(?:-d|--decode)\b|\bcluster-admin\b|@/etc/|/etc/(?:passwd|shadow)\b"
    r"|--force\b|--grace-period=0|--hard\b|--now\b"
)
_ONLY_LOOKS = re.compile(
    r"(?i)^(?:sudo\s+)?(?:"
    r"(?:kubectl|oc)(?:\s+-\S+(?:\s+[^-\s]\S*)?)*?\s+(?:get|describe|logs|top|explain|version|events|auth\s+can-i|diff"
    r"|rollout\s+(?:status|history))\b"
    r"|systemctl\s+(?:status|show|is-\w+|list-\S+|cat)\b"
    r"|(?:docker|podman|crictl)\s+(?:ps|logs|inspect|stats|images|top)\b"
    r"|helm\s+(?:list|status|history|get)\b|git\s+(?:log|show|diff|status)\b|ip\s+\w+(?:\s+show)?$"
    r"|(?:journalctl|grep|egrep|zgrep|cat|less|head|tail|wc|sort|uniq|cut|jq|ls|ps|top|free|df|du|uptime|vmstat|iostat"
    r"|sar|mpstat|netstat|ss|lsof|dig|nslookup|host|ping|traceroute|promtool\s+query|logcli|amtool\s+alert|echo)\b"
    r"|curl\b|(?:check|inspect|look|review|verify|investigate|monitor|confirm|compare|read|watch)\b)"
)
_CURL_WRITES = re.compile(r"\s(?:-X\s*(?!GET|HEAD)\w|--request[ =](?!GET|HEAD)|-d|-F|-T|--data|--form|--upload)")
_WRITES_A_FILE = re.compile(r"(?<![\d&])>(?!&)|\btee\b|\bxargs\b")
_TO_NOWHERE = re.compile(r"\d?>\s*(?:/dev/null|&\d)")
_PARTS = re.compile(r"&&|\|\||[;|\n]|\$\(|`")


def risk_of(command: str) -> Risk:
    """`low` when all that it does is look, `high` when something may be lost, else `medium`; of several the worst."""
    command = _TO_NOWHERE.sub("", command)
    if _DESTROYS.search(command):
        return "high"
    parts = [part.strip(" )") for part in _PARTS.split(command) if part.strip(" )")]
    writes = _WRITES_A_FILE.search(command) or ("curl" in command and _CURL_WRITES.search(command))
    return "low" if parts and not writes and all(map(_ONLY_LOOKS.match, parts)) else "medium"

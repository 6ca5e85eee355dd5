"""Fail where a file that is under version control holds what looks like a real secret.

What guesses from entropy or from names alone is left out: the tests of this project are full of words that sound like
secrets.
"""

import subprocess
import sys

from detect_secrets.core.scan import scan_file
from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import default_settings, get_settings

GUESSES = (
    "KeywordDetector",
    "Base64HighEntropyString",
    "HexHighEntropyString",
    "BasicAuthDetector",
    "IPPublicDetector",
)
INVENTED = {"tests/unit/test_masking.py"}
"""Files that hold invented ones of every kind, because masking is tested on them."""


def main() -> int:
    files = [name for name in tracked() if name not in INVENTED and not name.endswith((".gz", ".json"))]
    with default_settings():
        get_settings().disable_plugins(*GUESSES)
        found = SecretsCollection()
        for name in files:
            for secret in scan_file(name):
                found[name].add(secret)
    problems = [f"{name}:{secret.line_number}: {secret.type}" for name, secret in found]
    print("\n".join(problems) or f"secrets: none in {len(files)} files")
    return 1 if problems else 0


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True, text=True)
    return [name for name in listed.stdout.split("\0") if name]


if __name__ == "__main__":
    sys.exit(main())

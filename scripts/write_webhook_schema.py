"""Write the JSON schema of what the generic webhook sends to docs/reference/webhook.schema.json."""

import json
from pathlib import Path

from aiops_processor.notifiers.webhook import schema

FILE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "webhook.schema.json"

if __name__ == "__main__":
    FILE.write_text(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {FILE.name}")

"""An endpoint of our own: GET /on-call answers what stands in the file on_call.txt."""

from pathlib import Path

from aiops_processor.plugins import plugin

FILE = Path(__file__).with_name("on_call.txt")


@plugin("router")
def on_call(app):
    @app.get("/on-call")
    def who() -> dict[str, str]:
        return {"on_call": FILE.read_text().strip() if FILE.exists() else "nobody"}

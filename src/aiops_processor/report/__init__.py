"""An analysis with its evidence, written for people (text, Markdown) and for programs (JSON). Pure."""

from aiops_processor.report.document import as_json
from aiops_processor.report.markdown import as_markdown
from aiops_processor.report.text import as_text

__all__ = ["as_json", "as_markdown", "as_text"]

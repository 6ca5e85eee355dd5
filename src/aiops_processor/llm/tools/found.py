"""What came of a call."""

from aiops_processor.models.base import Frozen
from aiops_processor.models.evidence import Evidence, Gap, Outcome, Read


class Looked(Frozen):
    """A call that was made or refused: as a question beside the others, the findings that it gave, or words.

    `findings` have no id yet. `note` is what the model is told where there is no finding to tell. `gap` is what was
    lost of an answer.
    """

    read: Read
    findings: tuple[Evidence, ...] = ()
    note: str = ""
    gap: Gap | None = None


def refused(tool: str, query: str, reason: str) -> Looked:
    """A call that was not made, or had no answer, and why."""
    read = Read(source=tool, title=TITLE, query=query, outcome=Outcome.FAILED, error=reason)
    return Looked(read=read, note=f"{tool}({query}): not answered: {reason}")


TITLE = "asked by the model"

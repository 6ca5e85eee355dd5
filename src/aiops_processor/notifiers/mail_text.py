"""An incident as a mail: plain text and HTML, with headers that nobody's text can break out of."""

from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from html import escape

from aiops_processor.models.notification import Message
from aiops_processor.notifiers import outline
from aiops_processor.report.words import Line, Section

MOST_SUBJECT = 200
CHART = "chart@aiops-processor"
_LINK = '<p><a href="{}" style="color:#0b57d0">{}</a></p>'
_BODY = (
    '<!doctype html><html><body style="font-family:system-ui,-apple-system,Segoe UI,Roboto,sans-serif;font-size:14px;'
    'line-height:1.5;color:#1f2328;max-width:720px">{}</body></html>'
)
_CODE = '<pre style="background:#f6f8fa;border-radius:4px;padding:6px 8px;white-space:pre-wrap">{}</pre>'
_SHOWN = '<div style="color:#59636e;font-family:ui-monospace,monospace;font-size:12px">{}</div>'


def mail(message: Message, sender: str, recipients: tuple[str, ...], picture: bytes | None = None) -> EmailMessage:
    """The mail without what places it in a thread; a picture (PNG) stands in its HTML."""
    made = EmailMessage(policy=policy.SMTP)
    made["From"] = sender
    made["To"] = ", ".join(recipients)
    made["Date"] = message.sent_at
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
    made["X-Auto-Response-Suppress"] = "All"
    made.set_content("\n".join(_text(message)) + "\n")
    made.add_alternative(_BODY.format("".join(_html(message, CHART if picture else ""))), subtype="html")
    if picture:
        html = made.get_body(("html",))
        assert html is not None, "it was added above"  # noqa: S101 - else the library is not what it was
        html.add_related(picture, "image", "png", cid=f"<{CHART}>", filename="what-changed.png", disposition="inline")
    return made


def subject(message: Message) -> str:
    """One line that stays the same through a thread: what goes on stands in the mail itself."""
    severity = f" [{message.incident.severity}]" if message.incident.severity else ""
    whole = "".join(filter(str.isprintable, " ".join(f"{message.incident.title}{severity}".split())))
    return whole if len(whole) <= MOST_SUBJECT else f"{whole[: MOST_SUBJECT - 1]}…"


def _text(message: Message) -> Iterator[str]:
    yield from (outline.title(message), outline.standing(message))
    for section in outline.sections(message):
        yield from ("", f"{'! ' if section.loud else ''}{section.title}")
        for line in section.lines:
            yield f"- {line.text}{f'  {line.link}' if line.link else ''}"
            yield from (f"    {each}" for each in (line.shown, *line.code.splitlines()) if each)
    if message.url:
        yield from ("", f"The incident: {message.url}")


def _html(message: Message, chart: str) -> Iterator[str]:
    yield f'<h2 style="font-size:18px;margin:0">{escape(outline.title(message))}</h2>'
    yield f'<p style="margin:4px 0 12px">{escape(outline.standing(message))}</p>'
    if message.url:
        yield _LINK.format(escape(message.url, quote=True), "Open the incident")
    if chart:
        yield f'<img src="cid:{chart}" alt="What changed most, as charts" style="max-width:100%;height:auto">'
    for section in outline.sections(message):
        yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    colour = "#9a6700" if section.loud else "#1f2328"
    yield f'<h3 style="font-size:14px;margin:16px 0 4px;color:{colour}">{escape(section.title)}</h3><ul>'
    for line in section.lines:
        yield f"<li>{_line(line)}</li>"
    yield "</ul>"


def _line(line: Line) -> str:
    """Only the line's own link is one; the report has taken care of where it leads."""
    text = escape(line.text)
    if line.link.startswith(("http://", "https://")):
        text = f'<a href="{escape(line.link, quote=True)}">{text}</a>'
    shown = _SHOWN.format(escape(line.shown)) if line.shown else ""
    return f"{text}{shown}{_CODE.format(escape(line.code)) if line.code else ''}"

"""What a form of a page posts."""

from urllib.parse import parse_qsl


def fields(body: bytes | None) -> dict[str, str]:
    """The fields of an urlencoded form, of several with one name the last; {} where the body was too long."""
    text = (body or b"").decode("utf-8", "replace")
    return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=100)) if text.count("&") < 100 else {}

"""Times as programs write them, as one pattern. Every quantifier is bounded, so that no text takes long. Pure."""

_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_ABBREVIATED = r"(?:UTC|GMT|[CEW]ES?T|MSK|BST|IST|JST|KST|HKT|SGT|A?[CEMPW][SD]T|NZ[SD]T)"
_ZONE = rf"(?:Z\b|\s?[+-]\d\d:?\d\d\b|\s{_ABBREVIATED}\b)"
_CLOCK = rf"\d{{1,2}}:\d{{1,2}}:\d{{1,2}}(?:[.,:]\d{{1,9}})?(?:\s?[AP]M\b)?{_ZONE}?"
_DATE = (
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}"
    r"|\d{8}|\d{4}(?=\s)"
    r"|\d{1,2}[-/.]\d{1,2}(?:[-/.]\d{2,4})?"
    rf"|\d{{1,2}}[ /-]{_MONTH}[ /-]\d{{2,4}}"
    rf"|{_MONTH}\s{{1,3}}\d{{1,2}}(?:,?\s\d{{4}}\b)?)"
)
_YEAR = r"(?:\s(?:19|20)\d\d\b)?"

TIME = (
    rf"(?:(?:{_DAY},?\s{{1,3}})?{_MONTH}\s{{1,3}}\d{{1,2}}\s{_CLOCK}{_YEAR}"
    rf"|(?:{_DAY},?\s{{1,3}})?(?:{_DATE}[T:,_\s-]\s?)?{_CLOCK})"
)
"""A time of day, with or without its date, zone and weekday. Groups none; put it behind a word's start."""

DATE = rf"(?:\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}[ /-]{_MONTH}[ /-]\d{{2,4}})"
"""A date that stands alone."""

from aiops_processor.evidence.ranking import lines
from aiops_processor.evidence.ranking.lines import Said

CALM = [Said(entity, "info", 100, 50, 0.5) for entity in ("cart", "db", "web", "mail")]


def test_a_new_error_is_more_surprising_than_a_new_chatter() -> None:
    found = lines.of_entities([*CALM, Said("db", "error", 0, 20, 0.5), Said("cart", "info", 0, 20, 0.5)])

    assert found["db"] > 2 * found["cart"] > found["web"]


def test_more_traffic_explains_more_of_every_line() -> None:
    busy = [Said("web", "info", 100, 500, 0.5), Said("web", "info", 40, 200, 0.5), Said("web", "warn", 10, 50, 0.5)]
    warned = [Said("mail", "warn", 10, 50, 0.5)]

    assert lines.of_entities([*CALM, *busy])["web"] < lines.of_entities([*CALM, *warned])["mail"] / 2


def test_a_line_that_vanished_while_others_go_on_is_heard() -> None:
    found = lines.of_entities([*CALM, Said("db", "info", 90, 0, 0.5)])

    assert found["db"] > 3 * found["cart"]


def test_an_error_that_stopped_is_no_news() -> None:
    stopped = lines.of_entities([*CALM, Said("db", "error", 90, 0, 0.5)])["db"]

    assert stopped < lines.of_entities([*CALM, Said("db", "error", 0, 45, 0.5)])["db"] / 5


def test_hearsay_counts_its_share() -> None:
    full, half = (lines.of_entities([*CALM, Said("db", "error", 0, 20, 0.5, share)])["db"] for share in (1.0, 0.5))

    assert half == full / 2


def test_no_lines_are_no_surprise() -> None:
    assert lines.of_entities([]) == {}

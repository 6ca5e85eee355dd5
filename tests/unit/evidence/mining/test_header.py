from collections.abc import Callable

import pytest

from aiops_processor.evidence.mining import header

Written = Callable[[str], list[str]]
LAYOUTS = {
    "log4j": "2026-01-31 12:00:{s:02d},123 {l} [main] o.a.z.Server - {m}",
    "spring": "2026-01-31 12:00:{s:02d}.123  {l} 1 --- [nio-8080-exec-1] c.s.Cart                   : {m}",
    "python": "2026-01-31 12:00:{s:02d},123 - shop.cart - {l} - {m}",
    "rust": "2026-01-31T12:00:{s:02d}.123456Z  {l} shop::cart: {m}",
    "apache": "[Sat Jan 31 12:00:{s:02d} 2026] [{l}] {m}",
    "brackets": "[2026-01-31T12:00:{s:02d}Z] [{l}] [{p}] {m}",
    "bars": "2026-01-31 12:00:{s:02d} | {l} | shop | {m}",
    "epoch": "17698608{s:02d}.123 {l} {m}",
    "level alone": "{l}: {m}",
    "syslog": "Jan 31 12:00:{s:02d} web1 sshd[{p}]: {m}",
    "glog": "I0131 12:00:{s:02d}.123456 {p} server.go:12] {m}",
    "postgresql": "2026-01-31 12:00:{s:02d}.123 UTC [{p}] LOG:  {m}",
}
WITHOUT_LEVEL = {"syslog": "", "glog": "info", "postgresql": "info"}


def cut(headers: tuple[header.Header, ...], line: str) -> tuple[str, str] | None:
    return next((found for each in headers if (found := each.cut(line))), None)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_header_is_found_and_cut_off_up_to_the_message(
    name: str, written: Written, messages: tuple[str, ...]
) -> None:
    lines = written(LAYOUTS[name])

    found = [cut(header.learn(lines), line) for line in lines]

    assert all(each is not None and each[0] in messages for each in found)
    expected = [WITHOUT_LEVEL[name]] * 4 if name in WITHOUT_LEVEL else ["info", "warn", "info", "error"]
    assert [each[1] for each in found[:4] if each] == expected


def test_lines_without_a_header_have_none(written: Written) -> None:
    assert header.learn(written("{m}")) == ()
    assert header.learn([]) == ()


def test_a_time_at_the_end_of_a_sentence_is_no_header() -> None:
    assert header.learn([f"the backup began at 12:00:{second:02d}" for second in range(60)]) == ()


def test_two_programs_that_share_a_stream_have_a_header_each(written: Written, messages: tuple[str, ...]) -> None:
    lines = written(LAYOUTS["log4j"]) + written(LAYOUTS["syslog"])[:30]

    found = header.learn(lines)

    assert len(found) == 2
    assert {each[0] for line in lines if (each := cut(found, line))} == set(messages)


def test_a_line_in_another_layout_keeps_all_it_says(written: Written) -> None:
    found = header.learn(written(LAYOUTS["log4j"]))

    assert cut(found, "Exception in thread main: out of memory") is None

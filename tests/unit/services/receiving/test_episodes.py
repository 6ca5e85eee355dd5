"""What one more word about an alert means: event time decides, not the order of arrival."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from aiops_processor.models.alert import Alert
from aiops_processor.services.receiving.episodes import Fold, Said, Track, fold
from aiops_processor.services.receiving.webhook_body import Posted

T0 = datetime(2026, 1, 31, 12, tzinfo=UTC)


def at(minute: float) -> datetime:
    return T0 + timedelta(minutes=minute)


def said(status: str, starts: float, *, ends: float | None = None, heard: float = 100, name: str = "a") -> Said:
    alert = Alert.model_validate(
        {
            "status": status,
            "labels": {"alertname": name},
            "startsAt": at(starts),
            "endsAt": None if ends is None else at(ends),
        }
    )
    return Said("default", "r", "g", Posted.of(alert), at(heard))


def stored(result: Fold) -> dict[tuple[str, str], Track]:
    """As the next post would find it."""
    for number, opened in enumerate(result.opened, 1):
        opened.track.id = number
    return {opened.track.key: opened.track for opened in result.opened}


def tracks(result: Fold) -> list[Track]:
    return [opened.track for opened in result.opened]


def test_a_first_firing_opens_an_episode() -> None:
    ((word, track),) = fold({}, [said("firing", 0)]).opened
    assert track.open
    assert word.alert.firing


def test_a_repeat_changes_only_when_it_was_last_seen() -> None:
    known = stored(fold({}, [said("firing", 0, heard=1)]))
    result = fold(known, [said("firing", 0, heard=5)])
    assert result.opened == []
    assert [track.last_seen for track in result.changed.values()] == [at(5)]


def test_a_second_alertmanager_with_another_start_opens_no_second_episode() -> None:
    known = stored(fold({}, [said("firing", 0)]))
    result = fold(known, [said("firing", 0.1)])
    assert result.opened == []
    assert [track.starts_at for track in result.changed.values()] == [at(0)]


def test_a_resolve_ends_the_open_episode_at_its_own_time() -> None:
    known = stored(fold({}, [said("firing", 0)]))
    result = fold(known, [said("resolved", 0, ends=3)])
    assert [track.ended_at for track in result.changed.values()] == [at(3)]


def test_a_late_firing_does_not_open_a_closed_episode_again() -> None:
    known = stored(fold({}, [said("firing", 0), said("resolved", 0, ends=3)]))
    result = fold(known, [said("firing", 0, heard=8.9)])
    assert result.opened == []
    assert [track.ended_at for track in result.changed.values()] == [at(3)]


def test_one_that_comes_too_late_to_be_late_fires_on_from_the_end() -> None:
    """Prometheus was cut off from Alertmanager, which took the alert for over, and says again when it began."""
    known = stored(fold({}, [said("firing", 0), said("resolved", 0, ends=3)]))
    ((_, track),) = fold(known, [said("firing", 0, heard=9)]).opened
    assert (track.starts_at, track.open, track.previous_id) == (at(3) + timedelta(microseconds=1), True, 1)
    known = {track.key: track}
    track.id = 2
    assert fold(known, [said("firing", 0, heard=10)]).opened == []
    result = fold(known, [said("resolved", 0, ends=12, heard=13)])
    assert [changed.ended_at for changed in result.changed.values()] == [at(12)]


def test_one_that_began_after_the_open_one_was_last_seen_ends_that() -> None:
    known = stored(fold({}, [said("firing", 0, heard=1)]))
    result = fold(known, [said("firing", 50, heard=51)])
    assert [(track.ended_at, track.last_seen) for track in result.changed.values()] == [(at(1), at(1))]
    ((_, track),) = result.opened
    assert (track.starts_at, track.open, track.previous_id) == (at(50), True, 1)


def test_a_resolve_does_not_count_as_having_seen_it_fire() -> None:
    known = stored(fold({}, [said("firing", 0, heard=1)]))
    result = fold(known, [said("resolved", 0, ends=3, heard=5)])
    assert [track.last_seen for track in result.changed.values()] == [at(1)]


def test_a_later_firing_opens_a_linked_episode() -> None:
    known = stored(fold({}, [said("firing", 0), said("resolved", 0, ends=3)]))
    ((_, track),) = fold(known, [said("firing", 10)]).opened
    assert track.previous_id == 1
    assert track.open


def test_the_resolve_of_an_older_episode_does_not_end_the_newer() -> None:
    known = stored(fold({}, [said("firing", 10)]))
    assert fold(known, [said("resolved", 0, ends=3)]).changed == {}


def test_a_resolve_of_which_we_never_heard_is_recorded_as_closed() -> None:
    ((word, track),) = fold({}, [said("resolved", 0, ends=3)]).opened
    assert not track.open
    assert not word.alert.firing


words = st.lists(
    st.builds(
        lambda status, start, length, name: said(
            status, start, ends=start + length if status == "resolved" else None, name=name
        ),
        st.sampled_from(["firing", "resolved"]),
        st.integers(0, 20),
        st.integers(0, 5),
        st.sampled_from("ab"),
    ),
    max_size=12,
)


@given(words)
def test_never_two_open_episodes_of_one_alert(said_words: list[Said]) -> None:
    keys = [track.key for track in tracks(fold({}, said_words)) if track.open]
    assert len(keys) == len(set(keys))


@given(words)
def test_saying_everything_twice_changes_nothing(said_words: list[Said]) -> None:
    doubled = [word for word in said_words for _ in range(2)]
    once, twice = tracks(fold({}, said_words)), tracks(fold({}, doubled))
    assert [(t.key, t.starts_at, t.ended_at) for t in once] == [(t.key, t.starts_at, t.ended_at) for t in twice]


@given(words)
def test_one_post_or_many_come_to_the_same(said_words: list[Said]) -> None:
    known: dict[tuple[str, str], Track] = {}
    stepwise: list[Track] = []
    for word in said_words:
        result = fold(known, [word])
        for track in tracks(result):
            stepwise.append(track)
            track.id = len(stepwise)
            known[track.key] = track
    at_once = tracks(fold({}, said_words))
    assert [(t.key, t.starts_at, t.ended_at) for t in at_once] == [(t.key, t.starts_at, t.ended_at) for t in stepwise]

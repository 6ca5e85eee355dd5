"""Which episodes belong together, in whatever order they come."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from aiops_processor.services.grouping.joining import Member, Rules, group, place_of

T0 = datetime(2026, 1, 31, 12, tzinfo=UTC)
RULES = Rules(calls=frozenset({("gateway", "catalog")}))


def member(service: str = "", at: float = 0, *, group_key: str = "", source: str = "default", **labels: str) -> Member:
    named = {"service": service, **labels} if service else labels
    return Member(source, group_key, place_of(named), T0 + timedelta(seconds=at))


def partition(members: Sequence[Member], rules: Rules = RULES) -> set[frozenset[Member]]:
    return {frozenset(id(members[place]) for place, _ in each.new) for each in group(members, {}, rules)}  # type: ignore[misc]


def together(*members: Member) -> bool:
    return len(group(list(members), {}, RULES)) == 1


def test_one_alertmanager_group_is_one_incident_whatever_its_times() -> None:
    assert together(member("a", 0, group_key="g"), member("b", 9000, group_key="g"))
    assert not together(member("a", 0, group_key="g"), member("b", 9000, group_key="g", source="europe"))


def test_the_same_entity_within_the_window_is_one() -> None:
    assert together(member("db", 0), member("db", 299))
    assert not together(member("db", 0), member("db", 301))


def test_a_pod_is_its_workload() -> None:
    assert together(member(pod="cart-7d9f8b6c5d-x2x4z"), member(pod="cart-7d9f8b6c5d-b4b5c", at=60))


def test_who_calls_whom_ties_alerts_of_one_moment() -> None:
    assert together(member("gateway", 0), member("catalog", 60))
    assert not together(member("gateway", 0), member("catalog", 200))
    assert not together(member("gateway", 0), member("payments", 0))


def test_who_calls_whom_may_be_told_of_one_namespace() -> None:
    rules = Rules(calls=frozenset({("shop/web", "data/db")}))
    web, db = member("web", namespace="shop"), member("db", namespace="data")

    def tied(*members: Member) -> list[str]:
        made = group(list(members), {}, rules)
        return [reason for each in made for _, reason in each.new if reason]

    assert tied(web, db) == tied(db, web) == ["shop/web calls data/db, begun 0 s apart"]
    assert tied(member("web", namespace="staging"), db) == []
    assert tied(web, member("db", namespace="elsewhere")) == []
    assert tied(member("web"), db) == tied(db, member("web")) == ["shop/web calls data/db, begun 0 s apart"]
    assert tied(web, member("db")) == ["shop/web calls data/db, begun 0 s apart"], "nobody says that it is another"
    assert tied(member(namespace="shop"), member(namespace="data")) == []


def test_a_shared_namespace_ties_alerts_of_one_moment() -> None:
    assert together(member("a", 0, namespace="shop"), member("b", 119, namespace="shop"))
    assert not together(member("a", 0, namespace="shop"), member("b", 0, namespace="bank"))


def test_look_alikes_of_different_realms_stay_apart() -> None:
    assert not together(member("db", 0, cluster="eu"), member("db", 0, cluster="us"))
    assert not together(member("db", 0, namespace="shop", env="prod"), member("db", 0, namespace="shop", env="test"))
    assert together(member("db", 0, cluster="eu"), member("db", 0))


def test_one_alertmanager_group_of_two_realms_is_two_incidents() -> None:
    assert not together(member("db", 0, group_key="g", cluster="eu"), member("db", 0, group_key="g", cluster="us"))
    assert together(member("db", 0, group_key="g", cluster="eu"), member("api", 9000, group_key="g"))


def test_the_reason_is_given_in_words() -> None:
    first, second = member("db", 0, group_key="g"), member("db", 4)
    (only,) = group([first, second], {}, RULES)
    assert only.new == [(0, ""), (1, "same db, begun 4 s apart")]
    (joined,) = group([second], {7: [first]}, RULES)
    assert (joined.incident, joined.new) == (7, [(0, "same db, begun 4 s apart")])


def test_an_episode_that_ties_two_incidents_merges_the_younger_into_the_older() -> None:
    bridge = member("gateway", 60, namespace="shop")
    existing = {3: [member("a", 0, namespace="shop")], 9: [member("gateway", 300)]}
    (merged,) = group([bridge], existing, RULES)
    assert merged.incident == 3
    assert [number for number, _ in merged.merged] == [9]
    assert merged.new == [(0, "same namespace shop, begun 60 s apart")]


def test_what_joins_nothing_of_an_incident_leaves_it_alone() -> None:
    (new,) = group([member("x", 0)], {3: [member("a", 0)]}, RULES)
    assert new.incident is None


def test_a_storm_is_grouped_quickly_enough_to_be_grouped_at_all() -> None:
    storm = [member(f"s{i}", i % 100, namespace="shop", group_key=f"g{i % 7}") for i in range(3000)]
    assert len(group(storm, {}, RULES)) == 1


members = st.lists(
    st.builds(
        lambda service, at, key, namespace, cluster: member(
            service, at, group_key=key, namespace=namespace, cluster=cluster
        ),
        st.sampled_from(["gateway", "catalog", "db", ""]),
        st.integers(0, 900),
        st.sampled_from(["", "g", "h"]),
        st.sampled_from(["", "shop", "bank"]),
        st.sampled_from(["", "eu", "us"]),
    ),
    max_size=8,
)


@given(members, st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_the_same_incidents(found: list[Member], random: object) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert partition(found) == partition(shuffled)


@given(members)
def test_arriving_one_by_one_or_all_at_once_gives_the_same_incidents(found: list[Member]) -> None:
    incidents: dict[int, list[Member]] = {}
    for number, one in enumerate(found):
        (into,) = group([one], incidents, RULES)
        target = number if into.incident is None else into.incident
        incidents.setdefault(target, []).append(one)
        for other, _ in into.merged:
            incidents[target] += incidents.pop(other)
    stepwise = {frozenset(map(id, each)) for each in incidents.values()}
    assert stepwise == partition(found)


@given(members)
def test_a_duplicate_never_makes_a_second_incident(found: list[Member]) -> None:
    for one in found:
        if one.place.entity or one.group_key or one.place.namespace:
            assert len(group([*found, one], {}, RULES)) == len(group(found, {}, RULES))

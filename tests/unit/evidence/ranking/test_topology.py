from aiops_processor.evidence.ranking import topology

ALIKE = {"gateway": 2.0, "catalog": 2.0, "db": 2.0}
CHAIN = {("gateway", "catalog"), ("catalog", "db")}


def passed_on(scores: dict[str, float], calls: set[tuple[str, str]]) -> dict[str, float]:
    return {entity: left.up for entity, left in topology.factors(scores, scores, calls, ()).items()}


def test_callers_of_one_in_trouble_are_explained() -> None:
    found = passed_on(ALIKE, CHAIN)

    assert found == {"gateway": topology.EXPLAINED, "catalog": topology.EXPLAINED, "db": 1.0}


def test_a_callee_with_little_trouble_explains_nothing() -> None:
    assert passed_on(ALIKE | {"db": 0.1}, CHAIN)["catalog"] == 1.0


def test_a_callee_that_nobody_measured_is_looked_through() -> None:
    assert passed_on({"gateway": 2.0, "db": 2.0}, CHAIN)["gateway"] == topology.EXPLAINED


def test_a_ring_of_calls_explains_nothing() -> None:
    assert set(passed_on(ALIKE, {("gateway", "catalog"), ("catalog", "gateway")}).values()) == {1.0}


def test_the_traffic_of_callees_is_explained_by_their_caller() -> None:
    found = topology.factors(ALIKE, ALIKE, {("gateway", "catalog")}, ())

    assert [found[entity].down for entity in ALIKE] == [1.0, topology.LED, 1.0]


def test_a_callee_that_only_has_more_traffic_explains_nothing() -> None:
    found = topology.factors(ALIKE, ALIKE | {"catalog": 0.0}, {("gateway", "catalog")}, ())

    assert found["gateway"].up == 1.0


def test_what_the_alerting_one_does_not_call_counts_less() -> None:
    more = ALIKE | {"mail": 2.0, "new": 2.0}
    found = topology.factors(more, more, {*CHAIN, ("cron", "mail")}, {"gateway"})

    assert found["mail"].all == topology.UNREACHED
    assert found["db"].all == found["new"].all == 1.0


def test_where_an_alert_calls_nobody_all_are_in_reach() -> None:
    assert topology.factors(ALIKE, ALIKE, CHAIN, {"db"})["gateway"].all == 1.0


def test_a_peer_known_by_its_address_counts_less() -> None:
    addresses = {"10.0.0.7": 1.0, "api.bank.example": 1.0, "db": 1.0, "v1.2": 1.0}

    found = topology.factors(addresses, addresses, (), ())

    assert [found[entity].all < 1 for entity in addresses] == [True, True, False, False]

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from aiops_processor.evidence.mining.clusters import Judgement, cluster
from aiops_processor.evidence.mining.index import Kind

NAMES = ("ann", "bob", "cid", "dan", "eve", "fay", "gus")


def templates(*texts: str) -> set[str]:
    return {" ".join(each.template) for each in cluster([tuple(text.split()) for text in texts], Judgement())}


def test_many_words_in_one_place_are_values() -> None:
    assert templates(*(f"session of user {name} has ended" for name in NAMES)) == {"session of user <*> has ended"}


def test_few_words_in_one_place_are_different_messages() -> None:
    told = [f"the {name} service was started again" for name in NAMES[:3]]

    assert templates(*told) == set(told)


def test_a_place_that_is_marked_as_a_values_needs_fewer_words() -> None:
    assert templates(*(f"login ok for user = {name}" for name in NAMES[:4])) == {"login ok for user = <*>"}


def test_where_nothing_stays_the_same_nothing_is_a_template() -> None:
    assert len(templates(*NAMES)) == len(NAMES)
    assert len(templates(*(" ".join(pair) for pair in product(NAMES, NAMES)))) > 1


def test_a_masked_word_and_others_in_its_place_are_one() -> None:
    assert templates("port of the server is <n>", "port of the server is open") == {"port of the server is <*>"}


KINDS = st.lists(st.lists(st.sampled_from(("a", "b", "<n>", "open", "user", "=", *NAMES)), min_size=1, max_size=5))


@settings(max_examples=50)
@given(KINDS)
def test_every_kind_is_in_one_cluster_whatever_their_order(words: list[list[str]]) -> None:
    kinds: list[Kind] = [tuple(each) for each in words]
    found = cluster(kinds, Judgement())

    assert sorted(kind for each in found for kind in each.kinds) == sorted(set(kinds))
    assert {each.template for each in cluster(kinds[::-1] * 2, Judgement())} == {each.template for each in found}

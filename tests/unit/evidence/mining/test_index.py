from aiops_processor.evidence.mining.index import ANY, Index

INDEX = Index([("user", ANY, "left"), (ANY, ANY, "left"), ("done",)])


def test_the_least_general_template_that_fits() -> None:
    assert INDEX.general(("user", "ann", "left")) == ("user", ANY, "left")
    assert INDEX.general(("node", "ann", "left")) == (ANY, ANY, "left")
    assert INDEX.general(("done",)) == ("done",)


def test_what_fits_none() -> None:
    assert INDEX.general(("user", "ann", "came")) is None
    assert INDEX.general(("user",)) is None


def test_a_template_is_not_more_general_than_itself() -> None:
    assert INDEX.general(("user", ANY, "left"), more_than=1) == (ANY, ANY, "left")
    assert INDEX.general(("done",), more_than=0) is None

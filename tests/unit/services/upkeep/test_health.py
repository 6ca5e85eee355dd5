"""What is told of our health, and to whom."""

from aiops_processor.services.upkeep.health import Check, HealthReport


def test_strangers_are_told_what_is_down_and_not_where_it_is() -> None:
    down = Check(status="down", detail="prometheus at 10.0.0.5:9090 answered 401: who are you")
    report = HealthReport(status="degraded", version="1", checks={"store": Check(status="up"), "prometheus": down})
    told = report.for_strangers()
    assert "10.0.0.5" not in told.model_dump_json()
    assert (told.status, told.checks["prometheus"].status, told.checks["store"].status) == ("degraded", "down", "up")

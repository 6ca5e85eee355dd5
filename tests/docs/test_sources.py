"""The example of several sources is one that is taken."""

from pathlib import Path

from aiops_processor import config, parts

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "sources.md"


def test_the_example_makes_the_sources_that_it_shows(tmp_path: Path) -> None:
    example = PAGE.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    (tmp_path / "eu").write_text("t0ken")
    (tmp_path / "aiops.yaml").write_text(example.replace("/run/secrets/eu", str(tmp_path / "eu")))
    made = parts.Sources.of(config.load(str(tmp_path / "aiops.yaml")))
    clients = ["prometheus", "loki", "prometheus/europe", "loki/europe", "prometheus/asia"]
    assert list(made.probes) == [*clients, "alertmanager/asia", "alertmanager/asia/2"]

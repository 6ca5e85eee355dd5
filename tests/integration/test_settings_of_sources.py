"""Sources by name stand in the file alone, and the file is where the environment says."""

from typing import Any

import pytest

from aiops_processor import config

pytestmark = pytest.mark.anyio


async def test_the_file_is_where_the_environment_says(lab: Any) -> None:
    (lab.folder / "aiops.yaml").write_text(f"loki: {{url: '{lab.recorder.url}/of-the-file'}}\n")
    await lab.probe("loki", **{config.FILE_VARIABLE: str(lab.folder / "aiops.yaml")})
    assert lab.recorder.asked[0].path.startswith("/of-the-file/")


async def test_the_sources_of_the_file_are_asked_for_their_alerts(lab: Any) -> None:
    entry = f"{{name: shop, match: ['namespace=\"shop\"'], prometheus: {{url: '{lab.recorder.url}/shop', tenant: t}}}}"
    (lab.folder / "aiops.yaml").write_text(
        f"prometheus: {{url: '{lab.recorder.url}/default'}}\nsources: [{entry}]\nloki: {{url: '{lab.recorder.url}'}}\n"
    )
    result = await lab.analyse(**{config.FILE_VARIABLE: str(lab.folder / "aiops.yaml")})
    assert lab.recorder.of("/shop/api/v1/")[0].headers["X-Scope-OrgID"] == "t"
    assert not lab.recorder.of("/default/")
    assert "prometheus/shop" in {gap.source for gap in result.gaps}

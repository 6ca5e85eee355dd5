"""aiops-processor: the on-call engineer's first responder for a Prometheus shop.

The public names, for programs that embed the analysis and for plugin authors. Each is imported when it is asked for:
whoever wants one module, or `aiops --version`, does not wait a second for all of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiops_processor.library import AlertAnalyzer
    from aiops_processor.models.alert import Alert
    from aiops_processor.models.analysis import AnalysisResult

__all__ = ["Alert", "AlertAnalyzer", "AnalysisResult"]

_HOMES = {"Alert": "models.alert", "AlertAnalyzer": "library", "AnalysisResult": "models.analysis"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

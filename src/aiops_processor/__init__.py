"""aiops-processor: the on-call engineer's first responder for a Prometheus shop.

The public names, for programs that embed the analysis and for plugin authors.
"""

from aiops_processor.library import AlertAnalyzer
from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult

__all__ = ["Alert", "AlertAnalyzer", "AnalysisResult"]

from __future__ import annotations

from marketflows_pipeline_tests.drawing_processes import idle_processes_are_handed_on
from marketflows_pipeline_tests.validated_whole import validated_whole

__all__ = ["idle_processes_are_handed_on", "validated_whole"]

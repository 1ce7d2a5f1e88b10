from __future__ import annotations

from marketflows_pipeline_tests.looked_at import looked_at_once
from marketflows_pipeline_tests.validated_whole import validated_whole

__all__ = ["looked_at_once", "validated_whole"]

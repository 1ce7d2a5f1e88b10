from __future__ import annotations

from marketflows_pipeline_tests.validated_whole import validated_whole

__all__ = ["validated_whole"]

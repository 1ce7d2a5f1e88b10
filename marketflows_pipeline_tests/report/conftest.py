from __future__ import annotations

from marketflows_pipeline_tests.looked_at import looked_at_once

__all__ = ["looked_at_once"]

"""CoinPaprika's error bodies, in the words that were seen."""

from __future__ import annotations

from datetime import datetime

ID_NOT_FOUND = {"error": "id not found"}
REQUEST_LIMIT = {"error": "you have reached maximum request limit"}
INVALID_PARAMETERS = {"error": "invalid parameters"}
INVALID_DATE = {"error": "Invalid value provided for the date parameter"}
INVALID_KEY = {"error": "Invalid API key"}
SERVER_ERROR = {"error": "internal server error"}


def beyond_the_plan(kind: str, limit: datetime | None) -> dict[str, str]:
    """The refusal of an older history of a kind such as ``daily``; some were seen without a date."""
    before = f" before {limit:%Y-%m-%d %H:%M:%S.%f}758 +0000 UTC" if limit else ""
    words = f"Getting {kind} historical data{before} is not allowed in this plan. Check plans on coinpaprika.com/api"
    return {"error": words}

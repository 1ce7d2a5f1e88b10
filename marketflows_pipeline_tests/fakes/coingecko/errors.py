"""CoinGecko's error bodies, in the shapes and words that were seen."""

from __future__ import annotations

TIMESTAMP = "2026-10-07T13:32:10.955+00:00"
PRICING = "https://www.coingecko.com/en/api/pricing"

RATE_LIMIT = {
    "status": {
        "error_code": 429,
        "error_message": (
            f"You've exceeded the Rate Limit. Please visit {PRICING} to subscribe to our API plans for higher rate "
            "limits."
        ),
    }
}
MONTH_USED_UP = {
    "status": {
        "error_code": 429,
        "error_message": f"You've exceeded your monthly call credits. Please visit {PRICING} to upgrade.",
    }
}
KEY_MISSING = {
    "status": {
        "timestamp": TIMESTAMP,
        "error_code": 10002,
        "error_message": "API Key Missing. Please make sure you're using the right authentication method.",
    }
}
NOT_IN_PLAN = {
    "status": {"error_code": 10005, "error_message": "Your current plan does not include access to this endpoint."}
}
PRO_KEY_ON_PUBLIC_HOST = {
    "status": {
        "error_code": 10010,
        "error_message": (
            "If you are using Pro API key, please change your root URL from api.coingecko.com to pro-api.coingecko.com"
        ),
    }
}
DEMO_KEY_ON_PRO_HOST = {
    "status": {
        "error_code": 10011,
        "error_message": (
            "If you are using Demo API key, please change your root URL from pro-api.coingecko.com to api.coingecko.com"
        ),
    }
}
BEYOND_A_YEAR = {
    "error": {
        "status": {
            "timestamp": TIMESTAMP,
            "error_code": 10012,
            "error_message": (
                "Your request exceeds the allowed time range. Public API users are limited to querying historical data "
                f"within the past 365 days. Upgrade to a paid plan to enjoy full historical data access: {PRICING}. "
            ),
        }
    }
}
SERVER_ERROR = {"status": {"error_code": 500, "error_message": "Internal Server Error"}}
PLAN_BLOCKED = {"error": "Your plan does not have access to this endpoint"}
COIN_NOT_FOUND = {"error": "coin not found"}
CATEGORY_NOT_FOUND = {"status": 404, "error": "Not Found"}
EXCHANGE_NOT_FOUND = {"error": "Exchange not found"}
INVALID_DAYS = {"error": "Invalid days, supported days are 1, 7, 14, 30, 90, 180, 365"}
INVALID_CURRENCY = {"error": "invalid vs_currency"}


def paid_only(parameter: str) -> dict[str, dict[str, object]]:
    """The refusal of a parameter value that only paid plans may send."""
    return {"status": {"error_code": 401, "error_message": f"{parameter} is exclusive to paid plan subscribers"}}

"""Documents of issuers of coin funds, and Invesco's answer about one fund; layouts as seen, figures made up."""

from __future__ import annotations

from collections.abc import Iterable

from marketflows_pipeline_tests.fakes.fund_issuers.fund_history import NOTICE, Row, workbook

NO_BUCKET = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not '
    b"exist</Message><BucketName>reporting</BucketName></Error>"
)
NO_KEY = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code><Message>No such key</Message></Error>'


def daily_performance(ticker: str, rows: Iterable[Row], *, has_excel_dates: bool = False) -> bytes:
    """Grayscale's workbook: newest first; shares and value as text or numbers; a sheet of coins, one of notices."""
    head: list[object] = [
        "Fund Name",
        "OTC Ticker",
        "Date",
        "Shares Outstanding",
        "NAV Per Share",
        "Market Price",
        "AUM",
    ]
    table: list[list[object]] = [
        [
            f"Grayscale {ticker}",
            ticker,
            row.session if has_excel_dates else str(row.session),
            None if row.shares is None else str(row.shares),
            None if row.nav is None else str(row.nav),
            row.nav,
            row.net_assets,
        ]
        for row in reversed(list(rows))
    ]
    newest = table[0][2] if table else None
    holdings: list[list[object]] = [["Date", "Name", "Asset/Share"], [newest, "Bitcoin", 0.00078]]
    return workbook({"Daily Performance": [head, *table], "Holdings": holdings, "Disclosures": [[NOTICE]]})


def valuations(rows: Iterable[Row]) -> dict[str, object]:
    """21Shares' document: newest first."""
    data = [
        {
            "valuation_date": str(row.session),
            "nav_per_share": row.nav,
            "total_units_outstanding": row.shares,
            "total_nav": row.net_assets,
            "index": 61_234.5,
            "premium_discount": None,
        }
        for row in reversed(list(rows))
    ]
    return {"success": True, "data": data, "lastUpdated": "2026-10-08T22:15:00Z"}


def histo_prices(rows: Iterable[Row], *, title: str = "VanEck Bitcoin ETF - HODL") -> bytes:
    """VanEck's workbook: a title above the table, newest first, figures as text with commas, no shares."""
    head: list[object] = ["Date", "NAV", "Last Trade", "Volume", "Premium/Discount", "AUM", "Index Level"]
    table: list[list[object]] = [
        [
            f"{row.session:%m/%d/%Y}",
            "--" if row.nav is None else f"{row.nav:,.4f}",
            "--",
            "1,234,567",
            "0.01",
            "--" if row.net_assets is None else f"{row.net_assets:,.2f}",
            "61,234.50",
        ]
        for row in reversed(list(rows))
    ]
    return workbook({"Historical Prices": [[title], head, *table]})


def snapshot(
    cusip: str, row: Row, *, effective: str | None = None, has_business_date: bool = False
) -> dict[str, object]:
    """Invesco's answer: the newest figures of one fund; its date may be later than the session."""
    body: dict[str, object] = {
        "effectiveDate": effective or str(row.session),
        "cusip": cusip,
        "currency": "USD",
        "nav": row.nav,
        "sharesOutstanding": row.shares,
        "closingPrice": row.nav,
        "30dayAverageTradingVolume": 44_000_000,
    }
    return {**body, "effectiveBusinessDate": str(row.session)} if has_business_date else body

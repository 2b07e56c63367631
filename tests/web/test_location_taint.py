"""One marked place in every position of a request that could carry it: 0 reach the app without consent, all with."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest

from asgi.both_sides import BROWSER, Exchange, exchange, grant, middleware
from consent_mw import ConsentMiddleware

LAT, LNG = "39.904211", "116.407395"
CITY = "Qyzzyville"
ADDRESS_V4, ADDRESS_V6 = "203.0.113.77", "2001:db8:aa:bb:cc:dd:ee:ff"
MARKS = (LAT, LNG, "39904211", "116407395", CITY, ADDRESS_V4, "cc:dd:ee:ff", "wx4g0bm", "8PFRWC38", "39°54", "a4:b1:c2",
         "_p~iF~ps|U", "3954.2527", "631f8d5ab", "50TMK", "filled.count", "13202133")  # fmt: skip

PLACE_HEADERS = """
cf-ipcity cf-ipcountry cf-ipcontinent cf-iplatitude cf-iplongitude cf-region cf-region-code cf-metro-code cf-postal-code
cf-timezone cloudfront-viewer-country cloudfront-viewer-country-name cloudfront-viewer-country-region
cloudfront-viewer-country-region-name cloudfront-viewer-city cloudfront-viewer-postal-code cloudfront-viewer-latitude
cloudfront-viewer-longitude cloudfront-viewer-metro-code cloudfront-viewer-time-zone x-appengine-country
x-appengine-region x-appengine-city x-appengine-citylatlong x-vercel-ip-country x-vercel-ip-country-region
x-vercel-ip-city x-vercel-ip-latitude x-vercel-ip-longitude x-vercel-ip-timezone x-vercel-ip-postal-code
x-vercel-ip-continent fly-region fastly-geo-city x-geo-city x-geo-country x-geo-latlong x-geoip-country x-geoip-city
geoip-country-code geoip-latitude x-client-region x-client-city x-client-geo-location x-client-citylatlong
x-country-code x-country x-city x-region x-region-code x-real-country x-akamai-edgescape x-maxmind-city
cdn-requestcountrycode cdn-requeststatecode x-azure-geo-country x-nf-geo x-geo x-timezone x-time-zone
ali-ip-country ali-ip-city ali-geo-city eo-client-ipcountry eo-client-city eo-client-region x-tencent-geo-city
x-bd-city x-ws-province x-volc-city x-cdn-province x-user-latitude x-user-longitude x-lat x-lng x-coordinates
x-geolocation geolocation x-postal-code x-zipcode x-metro-code x-subdivision x-province x-district x-adcode x-locode
x-location x-user-location x-ip-location geo-position http_cf_ipcountry geoip_city x-geoip2-city x-timezone-offset
""".split()

ADDRESS_HEADER_NAMES = """
x-forwarded-for x-real-ip x-client-ip cf-connecting-ip cf-connecting-ipv6 true-client-ip fastly-client-ip fly-client-ip
x-cluster-client-ip x-original-forwarded-for x-azure-clientip x-azure-socketip x-appengine-user-ip
cloudfront-viewer-address x-envoy-external-address x-vercel-forwarded-for do-connecting-ip x-nf-client-connection-ip
ali-cdn-real-ip cdn-src-ip x-tencent-client-ip eo-client-ip wl-proxy-client-ip x-remote-addr x-originating-ip
x-edge-client-ip x-lb-source-ip x_real_ip
""".split()

QUERIES = [
    f"lat={LAT}&lng={LNG}", f"latitude={LAT}", f"longitude={LNG}", f"LAT={LAT}", f"userLat={LAT}", f"user_lon={LNG}",
    f"geo[lat]={LAT}", f"geo%5Blng%5D={LNG}", f"pos.lat={LAT}", f"l%61t={LAT}", f"lat=%2B{LAT}", f"lat=%33{LAT[1:]}",
    f"ll={LAT},{LNG}", f"ll={LAT}%2C{LNG}", f"latlng={LAT},{LNG}", f"near={LAT},{LNG}", f"q={LAT},+{LNG}",
    f"location={LAT},{LNG}", f"center={LNG}%2C{LAT}", f"origin={LAT},{LNG}", f"bbox={LAT},{LNG},40.123456,117.654321",
    "geohash=wx4g0bm6c", "pluscode=8PFRWC38%2BM4", "olc=8PFRWC38%2BM4", f"geo=geo:{LAT},{LNG}", f"x=geo:{LAT},{LNG}",
    f"wkt=POINT({LNG}+{LAT})", f"shape=POINT({LNG}%20{LAT})", f"{quote('经度')}={LNG}", f"{quote('纬度')}={LAT}",
    f"{quote('经纬度')}={LNG},{LAT}", f"start_lat={LAT}", f"lat1={LAT}", f"pickup_latitude={LAT}", f"dropoffLng={LNG}",
    "lat=39%C2%B054%2715.2%22N", "bssid=a4:b1:c2:d3:e4:f5", "w3w=filled.count.soap", "mgrs=50TMK4921819872",
    "quadkey=1320213320", "latE7=39904211", "lngE6=116407395", f"lat={LAT}&lat={LAT}", f"a=1&amp=2&lon={LNG}&b=3",
    f"{LAT},{LNG}", f"a=1&{LAT}%2C{LNG}", f"from={LAT},{LNG}&to=x", f"data=%7B%22lat%22:{LAT}%7D", f"u=https://maps.test/?lat={LAT}",
    f"u=https%3A%2F%2Fsite.test%2F%3Fa%3D1%26lat%3D{LAT}", f"u=https://site.test/%3Fll={LAT}%2C{LNG}",
]  # fmt: skip

JSON: list[Any] = [
    {"lat": float(LAT), "lng": float(LNG)}, {"lat": LAT, "lng": LNG}, {"latitude": float(LAT)}, {"Longitude": LNG},
    {"user": {"home": {"lat": float(LAT)}}}, {"a": [{"b": [{"lng": float(LNG)}]}]}, [[[{"lat": float(LAT)}]]],
    {"location": {"lat": float(LAT), "lng": float(LNG)}}, {"coords": {"latitude": float(LAT), "accuracy": 12}},
    {"coordinates": [float(LNG), float(LAT)]}, {"type": "Point", "coordinates": [float(LNG), float(LAT)]},
    {"type": "Feature", "geometry": {"type": "LineString", "coordinates": [[float(LNG), float(LAT)], [1.5, 2.5]]}},
    {"type": "Polygon", "coordinates": [[[float(LNG), float(LAT)], [1.5, 2.5], [float(LNG), float(LAT)]]]},
    {"loc": f"{LAT},{LNG}"}, {"position": f"{LAT}, {LNG}"}, {"latlng": [float(LAT), float(LNG)]},
    {"ll": f"{LAT},{LNG}"}, {"geohash": "wx4g0bm6c"}, {"plusCode": "8PFRWC38+M4"}, {"uri": f"geo:{LAT},{LNG};u=35"},
    {"note": f"I am at geo:{LAT},{LNG} now"}, {"wkt": f"POINT({LNG} {LAT})"}, {"any": f"SRID=4326;POINT({LNG} {LAT})"},
    {"经度": float(LNG), "纬度": float(LAT)}, {"经纬度": f"{LNG},{LAT}"}, {"坐标": [float(LNG), float(LAT)]},
    {"location": {"x": float(LNG), "y": float(LAT)}}, {"latitudeE7": 39904211}, {"lng_e6": 116407395},
    {"start_lat": float(LAT)}, {"pickupLatitude": float(LAT)}, {"geo": {"lon": float(LNG)}},
    {"waypoints": [f"{LAT},{LNG}", f"{LAT},{LNG}"]}, {"payload": json.dumps({"lat": float(LAT)})},
    {"payload": json.dumps({"p": json.dumps({"lng": float(LNG)})})}, {"gps": f"{LAT} {LNG}"},
    {"bssid": "a4:b1:c2:d3:e4:f5"}, {"wifi": [{"bssid": "a4-b1-c2-d3-e4-f5".replace("-", ":")}]},
    {"what3words": "filled.count.soap"}, {"h3": "8631f8d5abfffff"}, {"quadkey": "1320213320"},
    {"mgrs": "50TMK4921819872"}, {"nmea": "$GPGGA,123519,3954.2527,N,11624.4437,E,1,08,0.9,44.0,M,46.9,M,,*47"},
    {"sentence": "$GNRMC,123519,A,3954.2527,N,11624.4437,E,022.4,084.4,230394,003.1,W*6A"},
    {"polyline": "_p~iF~ps|U_ulLnnqC_mqNvxq`@"}, {"lat": "39°54'15.2\"N"}, {"url": f"https://maps.test/@{LAT},{LNG},15z"},
    {"href": f"https://site.test/map?lat={LAT}&zoom=3"}, {"events": [{"props": {"$latitude": float(LAT)}}]},
    {"position": f"lat:{LAT};lng:{LNG}"}, {"where": f"lat={LAT}&lng={LNG}"}, {"q": f"near lat: {LAT}"},
    {"query": f"{{ near(lat: {LAT}, lng: {LNG}) {{ name }} }}"},
    {"query": "q", "variables": {"near": {"lat": float(LAT), "lng": float(LNG)}}},
]  # fmt: skip
RAW_JSON = [
    f'{{"l\\u0061t": {LAT}}}', f'{{"lat" : {LAT}}}', f'{{"lat"\n:\n{LAT}}}', f'{{"lat":1.5,"lat":{LAT}}}',
    f'{{"lat":{LAT}', f'{{"a":1,}} {{"lat":{LAT}}}', f'{{"lat":{LAT}}}\n{{"lng":{LNG}}}\n', f'\ufeff{{"lat":{LAT}}}',
    f'{{"lat":3.9904211e1, "lng":{LNG}}}',
]  # fmt: skip
TEXTS = [
    ("application/gpx+xml", f'<trkpt lat="{LAT}" lon="{LNG}"><ele>44</ele></trkpt>'),
    ("application/vnd.google-earth.kml+xml", f"<Point><coordinates>{LNG},{LAT},0</coordinates></Point>"),
    ("text/xml", f"<lat>{LAT}</lat><lon>{LNG}</lon>"), ("application/gml+xml", f"<gml:pos>{LAT} {LNG}</gml:pos>"),
    ("application/graphql", f"{{ near(lat: {LAT}, lng: {LNG}) {{ name }} }}"), ("text/plain", f'{{"lat":{LAT}}}'),
    ("text/plain;charset=UTF-8", f"lat={LAT}\r\nlng={LNG}\r\n"), ("text/yaml", f"lat: {LAT}\nlng: {LNG}\n"),
    ("text/plain", f"we meet at geo:{LAT},{LNG}"), ("", f'{{"lat":{LAT}}}'),
    ("application/octet-stream", f'[{{"lat":{LAT}}}]'),
]  # fmt: skip
MULTIPART = [
    ('name="lat"', LAT), ('name="user[lng]"', LNG), ("name=latitude", LAT), ('name="coords"', f"{LAT},{LNG}"),
    ('name="经度"', LNG), ("name*=UTF-8''l%61t", LAT), ('name="where"', f"{LAT},{LNG}"),
    ('name="note"', f"geo:{LAT},{LNG}"), ('name="json"', json.dumps({"lat": LAT})),
    ('name="blob"; filename="blob"\r\nContent-Type: application/json', f'{{"lat":{LAT}}}'),
]  # fmt: skip


def positions() -> dict[str, dict[str, Any]]:
    """Requests by name, each with the marked place in one position."""
    found: dict[str, dict[str, Any]] = {}
    for name in PLACE_HEADERS:
        value = f"{LAT},{LNG}" if "lat" in name or "coord" in name else CITY
        found[f"header {name}"] = {"headers": [(name.encode(), value.encode())]}
    for name in ("CF-IPCity", "CF_IPCITY", "X_Geo_City", "X-APPENGINE-CITY"):
        found[f"header {name}"] = {"headers": [(name.encode(), CITY.encode())]}
    for name in ADDRESS_HEADER_NAMES:
        found[f"header {name}"] = {"headers": [(name.encode(), ADDRESS_V4.encode())]}
    found["header x-forwarded-for with IPv6"] = {"headers": [(b"x-forwarded-for", f"{ADDRESS_V6}, 10.0.0.1".encode())]}
    found["header X_Forwarded_For"] = {"headers": [(b"X_Forwarded_For", ADDRESS_V4.encode())]}
    found["header forwarded"] = {"headers": [(b"forwarded", f'for="[{ADDRESS_V6}]:80", for={ADDRESS_V4}'.encode())]}
    found["header referer"] = {"headers": [(b"referer", f"https://site.test/?lat={LAT}".encode())]}
    found["header x-original-url"] = {"headers": [(b"x-original-url", f"/map?ll={LAT},{LNG}".encode())]}
    found["client"] = {"client": (ADDRESS_V4, 5000)}
    found["client IPv6"] = {"client": (ADDRESS_V6, 5000)}
    for query in QUERIES:
        found[f"query {query}"] = {"query_string": query.encode()}
        found[f"form {query}"] = body("application/x-www-form-urlencoded", query.encode())
    for number, value in enumerate(JSON):
        found[f"json {number}"] = body("application/json", json.dumps(value, ensure_ascii=False).encode())
        found[f"json escaped {number}"] = body("application/vnd.api+json", json.dumps(value, indent=1).encode())
    for number, text in enumerate(RAW_JSON):
        found[f"raw json {number}"] = body("application/json", text.encode())
    found["json utf-16"] = body("application/json", f'{{"lat":"{LAT}"}}'.encode("utf-16"))
    for kind, text in TEXTS:
        found[f"text {kind} {text[:12]}"] = body(kind, text.encode())
    for disposition, value in MULTIPART:
        part = f"--XX\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{value}\r\n--XX--\r\n"
        found[f"multipart {disposition}"] = body("multipart/form-data; boundary=XX", part.encode())
        found[f"multipart without boundary {disposition}"] = body("multipart/form-data", part.encode())
    return found


def body(kind: str, data: bytes) -> dict[str, Any]:
    headers = [(b"content-length", str(len(data)).encode())]
    if kind:
        headers.append((b"content-type", kind.encode()))
    return {"method": "POST", "headers": headers, "pieces": [data]}


POSITIONS = positions()


def seen_by_the_app(seen: Exchange) -> str:
    """Everything that the app could read."""
    scope = seen.scope
    parts = [repr(scope["headers"]), repr(scope["query_string"]), repr(scope["client"]), scope["path"]]
    decoded = seen.body.decode("utf-16" if seen.body[:2] == b"\xff\xfe" else "utf-8", "replace")
    return " ".join([*parts, decoded, repr(seen.body)])


def test_there_are_enough_positions() -> None:
    assert len(POSITIONS) >= 200


@pytest.fixture(scope="module")
def mounted() -> ConsentMiddleware:
    return middleware()


@pytest.mark.parametrize("name", POSITIONS)
def test_a_place_is_not_seen_without_consent_and_arrives_untouched_with_it(
    name: str, mounted: ConsentMiddleware
) -> None:
    request = POSITIONS[name]
    headers = [*request["headers"]] if "headers" in request else []
    scope = {key: value for key, value in request.items() if key != "headers"}

    denied = exchange(mounted, headers=[*headers, *BROWSER], **scope)
    found = [mark for mark in MARKS if mark in seen_by_the_app(denied)]
    assert found == []
    length = denied.seen(b"content-length")
    assert length in ([], [str(len(denied.body)).encode()])
    assert denied.status == 200

    sent = [*headers, *BROWSER, (b"cookie", grant(mounted, geolocation=True))]
    granted = exchange(mounted, headers=sent, **scope)
    assert [h for h in granted.scope["headers"] if h[0] != b"cookie"][1:] == sent[:-1]
    assert granted.scope["query_string"] == scope.get("query_string", b"")
    assert granted.scope["client"] == scope.get("client", ("203.0.113.77", 5000))
    assert granted.body == b"".join(scope.get("pieces", []))
    assert granted.answered(b"consent-removed") == []
    if "client" not in scope:
        assert [mark for mark in MARKS if mark in seen_by_the_app(granted)]


def test_json_sent_as_base64_in_a_field_stays() -> None:
    """What no parser of ours understands passes: the how-to page says so."""
    data = base64.b64encode(json.dumps({"lat": LAT}).encode())
    seen = exchange(middleware(), headers=list(BROWSER), query_string=b"state=" + data)
    assert seen.scope["query_string"] == b"state=" + data

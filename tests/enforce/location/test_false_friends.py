"""What looks like a place and is none: not one of these may be touched, wherever it stands."""

from __future__ import annotations

import json
from urllib.parse import quote_plus

import pytest

from consent_mw.enforce.location.form import scrub_form
from consent_mw.enforce.location.headers import HeaderScrubber
from consent_mw.enforce.location.json_text import scrub_json
from consent_mw.enforce.location.multipart import MultipartScrubber
from consent_mw.enforce.location.rules import LocationRules
from consent_mw.enforce.location.text import scrub_text_body
from consent_mw.enforce.location.values import Precise

FIELDS = {
    # names that begin or end like a coordinate's
    "platform": "12.5", "latency": "12.534", "latest": "2.0.1", "late": "1.25", "later": "3.5", "lateral": "0.5",
    "latex": "10.5", "latin": "1.5", "lattice": "4.2", "latitudinal_study": "1.5", "plate": "39.9042", "plates": "12.5",
    "slate": "10.25", "template": "39.9042", "translate": "12.5", "related": "1.25", "rate": "4.125", "rating": "4.75",
    "relation": "1.5", "flat": "39.9042", "flatness": "0.125", "splat": "12.5", "chocolate": "70.5", "isolated": "1.5",
    "long_name": "Alabama", "longform": "1.5", "long": "1", "longest": "12.75", "longevity": "82.5", "belong": "12.5",
    "along": "1.5", "oblong": "2.25", "prolong": "1.5", "long_description": "12.5 cm", "longtext": "39.9, 116.4",
    "salon": "12.5", "colon": "12.5", "melon": "3.5", "nylon": "1.25", "balloon": "2.5", "london": "12.5",
    "alt": "39.9042", "lonely": "1.5", "pylon": "4.5",
    "alternative": "1.5", "altitude_sickness": "1.5", "default": "1.5",
    "salt": "1.25", "result": "39.9042", "total": "39.9042", "totals": "116.4074", "data": "39.9042", "date": "2026.1",
    "state": "open", "status": "1", "region": "us-east-1", "country": "DE", "city": "Paris", "zip": "10001",
    "postcode": "75001", "street": "Main Street 5", "county": "Kent", "province": "Beijing", "timezone": "Europe/Paris",
    "locale": "en-GB", "language": "zh-Hans", "address": "5 Main Street", "place": "first", "places": "3",
    # names that may be a place, with values that are none
    "position": "3", "pos": "12", "point": "5", "points": "1500", "coordinates": "3,4", "coords": "12,5",
    "location": "/account", "loc": "en", "center": "true", "origin": "https://site.test", "destination": "Paris",
    "from": "2026-01-01", "to": "2026-02-01", "start": "10:30", "end": "12:45", "at": "12.5", "near": "Paris",
    "q": "cafe 39.9", "query": "lat long", "path": "/a/b,c", "route": "/map", "track": "5", "marker": "red",
    "markers": "1,2,3", "bounds": "0,0,100,100", "bbox": "1,2,3,4", "extent": "10,20", "viewport": "1280,720",
    "where": "id=1.5", "spot": "A12", "pin": "1234", "geo": "eu", "geometry": "square", "gps": "true", "polyline": "no",
    "ll": "en-us", "lat": "latin", "lng": "go", "lon": "false", "latitude": "unknown", "longitude": "",
    "geohash": "no", "s2": "yes", "h3": "Heading", "utm_source": "news", "utm_medium": "mail", "utm_campaign": "a.b.c",
    "utm_term": "39.9042",
    "utm_content": "116.4074,39.9042x", "cell_id": "A1", "cgi": "bin", "mgrs": "Mr", "w3w": "a b",
    "x": "116.4074", "y": "39.9042", "z": "12.125", "accuracy": "0.98", "heading": "Section 1", "speed": "12.5",
    "course": "Physics 101", "bearing": "ball", "elevation": "high", "level": "3.25",
    # versions, amounts, times, identifiers
    "version": "39.9042.1", "price": "39.9042", "amount": "116.4074", "vat": "19.25", "score": "0.123456",
    "weight": "3.125", "height": "1.75", "width": "116.4074", "ratio": "1.777778", "opacity": "0.875",
    "duration": "12.345678", "timestamp": "1767225600.123456", "ip": "203.0.113.77", "uuid": "8f14e45f-ceea-467f-a8b1",
    "hash": "wx4g0bm6c", "code": "8PFRWC38", "sku": "50TMK49218", "token": "abc.def.ghi", "phone": "+49 40 123456",
    "isbn": "978-3-16-148410-0", "iban": "DE89370400440532013000", "color": "#a4b1c2", "range": "39.9042-116.4074",
    "values": "1.5,2.5,3.5", "tags": "a,b,c", "prices": "39.9042,116.4074", "rgb": "39.904,116.407,12.125",
    "matrix": "1.0,0.0,0.0,1.0", "transform": "translate(39.9042,116.4074)", "d": "M39.9042 116.4074L1 2",
    "vector": "0.1234,0.5678", "size": "39.9042x116.4074", "mean": "39.9042", "std": "0.1234", "hue": "116.4074",
    "angle": "39.9042", "temperature": "39.9042", "calories": "116.4074", "progress": "0.9042", "volume": "0.75",
    "字段": "39.9042", "价格": "116.4074", "版本": "39.9.42", "标题": "北京 39.9", "경로": "/a", "цена": "39.9042",
    # texts
    "note": "See section 3.1415, 2.7182 of the report", "bio": "I live at 5 Main Street", "subject": "Re: point 5(a)",
    "comment": "POINT of order (see 3)", "html": "<p class='lat'>1.5</p>", "css": "left:39.9042px;top:116.4074px",
    "formula": "f(x)=39.9042*x", "email": "lat@lng.example", "url": "https://site.test/late/39.9042",
    "link": "https://site.test/?page=2&rate=39.9042", "currency": "$GBP 12.50", "regex": "[a-z]{2,4}", "emoji": "🌍",
}  # fmt: skip

HEADERS = """
accept accept-language accept-encoding cache-control connection content-length content-type content-location
content-language content-md5 date expect from host if-match if-none-match if-modified-since if-range max-forwards origin
pragma range te upgrade user-agent via warning x-requested-with x-request-id x-correlation-id traceparent tracestate
x-csrf-token x-api-key x-amz-date x-amz-region x-amz-cf-id x-forwarded-proto x-forwarded-host x-forwarded-port
x-forwarded-prefix x-platform x-latency x-longpoll x-template x-translate x-rate-limit dnt sec-gpc sec-ch-ua
sec-ch-ua-platform sec-fetch-site save-data downlink rtt ect device-memory priority idempotency-key authorization
x-b3-traceid x-cloud-trace-context x-state x-statement x-locale x-flat x-colon x-alt-svc x-accuracy x-version
x-http-method-override upgrade-insecure-requests sec-websocket-key x-forwarded-server x-served-by x-cache
""".split()


@pytest.fixture(params=list(Precise))
def rules(request: pytest.FixtureRequest) -> LocationRules:
    return LocationRules(precise=request.param)


def test_there_are_enough_of_them() -> None:
    assert len(FIELDS) >= 150


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_not_touched_in_any_format(name: str, rules: LocationRules) -> None:
    value = FIELDS[name]
    form = f"{quote_plus(name)}={quote_plus(value)}&a=1".encode()
    assert scrub_form(form, rules) == (form, ())
    for document in ({name: value}, {"a": [{name: value, "b": 1}]}, {"lat_unit": "deg", name: value}):
        for text in (json.dumps(document), json.dumps(document, ensure_ascii=False, indent=1)):
            assert scrub_json(text.encode(), rules) == (text.encode(), ())
    part = f'--XX\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n--XX--\r\n'.encode()
    scrubber = MultipartScrubber(b"XX", rules)
    assert scrubber.feed(part) + scrubber.close() == part
    assert scrubber.removed == ()


@pytest.mark.parametrize("name", [name for name, value in FIELDS.items() if value.replace(".", "", 1).isdigit()])
def test_a_number_is_not_touched_in_json_and_text(name: str, rules: LocationRules) -> None:
    text = f'{{"{name}": {FIELDS[name]}, "list": [{FIELDS[name]}, 2.5]}}'.encode()
    assert scrub_json(text, rules) == (text, ())
    for line in (f"{name}: {FIELDS[name]}\n", f"<{name}>{FIELDS[name]}</{name}>", f'<a {name}="{FIELDS[name]}"/>'):
        assert scrub_text_body(line.encode(), rules) == (line.encode(), ())


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_is_not_touched(name: str, rules: LocationRules) -> None:
    for spelling in (name, name.title(), name.replace("-", "_")):
        header = (spelling.encode(), b"39.9042,116.4074" if name not in ("x-forwarded-host", "via") else b"a")
        assert HeaderScrubber(rules).scrub(*header) == (header[1], False)

"""``Permissions-Policy: geolocation=()`` beside whatever the app sends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_mw.enforce.browser_headers import deny_geolocation

NAME = b"permissions-policy"


@pytest.mark.parametrize(
    ("own", "sent"),
    [
        ([], b"geolocation=()"),
        ([b""], b"geolocation=()"),
        ([b"camera=()"], b"camera=(), geolocation=()"),
        ([b"geolocation=(self)"], b"geolocation=()"),
        ([b"geolocation=*, camera=(self \"https://a.example\")"], b'camera=(self "https://a.example"), geolocation=()'),
        ([b"camera=(), usb=(self)", b"geolocation=*;report-to=x"], b"camera=(), usb=(self), geolocation=()"),
        ([b"camera=self;report-to=default ,usb"], b"camera=self;report-to=default, usb, geolocation=()"),
        ([b"geolocation 'self'"], b"geolocation=()"),
        ([b"camera=(),"], b"geolocation=()"),
        ([b"camera=(self"], b"geolocation=()"),
        ([b"Camera=()"], b"geolocation=()"),
        ([b"camera=(), , usb=()"], b"geolocation=()"),
    ],
)  # fmt: skip
def test_the_apps_other_members_stay(own: list[bytes], sent: bytes) -> None:
    headers = [(b"content-type", b"text/html"), *((b"Permissions-Policy", value) for value in own), (b"x", b"y")]
    assert deny_geolocation(headers) == [(b"content-type", b"text/html"), (b"x", b"y"), (NAME, sent)]


@given(st.lists(st.binary(max_size=60), max_size=3))
def test_ours_is_there_once_and_last_whatever_the_app_sends(own: list[bytes]) -> None:
    (header,) = deny_geolocation([(NAME, value) for value in own])
    assert header[1].endswith(b"geolocation=()")
    assert header[1].count(b"geolocation=") == 1 or b'"' in header[1]

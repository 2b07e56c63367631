"""Frames may not ask for the position while it is denied."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consent_mw.enforce.html_gate import HtmlGate
from enforce.gating import gated, page

FRAMES = {
    b'<iframe src="/map" allow="geolocation">': b'<iframe src="/map" data-consent-allow="geolocation">',
    b"<iframe allow=geolocation src=/map>": b"<iframe data-consent-allow=geolocation src=/map>",
    b"<iframe allow=\"camera; geolocation 'src'; fullscreen\">": (
        b'<iframe allow="camera; fullscreen" data-consent-allow="camera; geolocation \'src\'; fullscreen">'
    ),
    b"<IFRAME ALLOW='Geolocation *;camera'>": b"<IFRAME allow=\"camera\" data-consent-ALLOW='Geolocation *;camera'>",
    b"<iframe allow='geolocation; x \"y\"'>": (
        b'<iframe allow="x &quot;y&quot;" data-consent-allow=\'geolocation; x "y"\'>'
    ),
}
UNTOUCHED = (b'<iframe src="/map">', b'<iframe allow="camera">', b"<iframe allow>", b'<p allow="geolocation">',
             b'<iframe title="geolocation">')  # fmt: skip


@pytest.mark.parametrize("tag", FRAMES)
def test_the_feature_is_held_back_and_the_others_stay(tag: bytes) -> None:
    assert gated(b"<p>" + tag + b"</iframe>") == b"<p>" + FRAMES[tag] + b"</iframe>"


@pytest.mark.parametrize("tag", UNTOUCHED)
def test_what_does_not_ask_for_it_is_not_touched(tag: bytes) -> None:
    assert gated(tag) == tag


@pytest.mark.parametrize("tag", FRAMES)
def test_with_consent_no_byte_is_touched(tag: bytes) -> None:
    gate = HtmlGate(replace(page(), located=True))
    assert gate.feed(tag) + gate.close() == tag


def test_a_frame_that_is_held_back_itself_does_not_get_it_with_its_release() -> None:
    out = gated(b'<iframe src="https://tracker.example/x" allow="geolocation"></iframe>')
    assert out == (
        b'[placeholder]<iframe data-consent="tracker" data-consent-src="https://tracker.example/x" '
        b'data-consent-allow="geolocation"></iframe>'
    )

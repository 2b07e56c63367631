"""Client addresses cut to their network, in every form in which servers and proxies write them."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_mw.enforce.location.address import ADDRESS_HEADERS, ClientAddress, cut_address, cut_header, cut_host

TRUNCATE, DROP, KEEP = ClientAddress.TRUNCATE, ClientAddress.DROP, ClientAddress.KEEP

CUT = {
    "203.0.113.77": "203.0.113.0",
    "203.0.113.77:5000": "203.0.113.0:5000",
    "[203.0.113.77]": "[203.0.113.0]",
    "2001:db8:aa:bb:cc:dd:ee:ff": "2001:db8:aa::",
    "2001:DB8:AA::1": "2001:db8:aa::",
    "[2001:db8:aa:bb::1]": "[2001:db8:aa::]",
    "[2001:db8:aa:bb::1]:443": "[2001:db8:aa::]:443",
    "2001:db8:aa:bb:cc:dd:ee:ff:46532": "2001:db8:aa:::46532",
    "::ffff:203.0.113.77": "::ffff:203.0.113.0",
    "2002:cb00:714d::1": "2002:cb00:7100::",
    "999.1.1.1": "unknown",
    "203.0.113": "unknown",
    "somewhere": "unknown",
    "1.2.3.4.5": "unknown",
    "x" * 500: "unknown",
}
LOCAL = ("127.0.0.1", "10.0.0.1", "10.0.0.1:80", "192.168.1.1", "172.16.5.5", "100.64.0.9", "169.254.1.1", "0.0.0.0",
         "::1", "[::1]:80", "fd00::1", "fe80::1%eth0", "[fe80::1%25eth0]:80", "::ffff:10.0.0.1", "unknown")  # fmt: skip


@pytest.mark.parametrize("text", CUT)
def test_a_public_address_keeps_its_network(text: str) -> None:
    assert cut_address(text) == CUT[text]


@pytest.mark.parametrize("text", LOCAL)
def test_an_address_that_places_nobody_stays(text: str) -> None:
    assert cut_address(text) is None


@given(st.ip_addresses())
def test_what_is_cut_says_the_network_and_no_more(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    cut = cut_address(str(address))
    if cut is None:
        return
    bits = 24 if address.version == 4 else 48
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None or getattr(address, "sixtofour", None) is not None:
        return
    assert ipaddress.ip_address(cut) == ipaddress.ip_network(f"{address}/{bits}", strict=False).network_address


@given(st.text(max_size=60))
def test_any_text_is_cut_without_a_failure(text: str) -> None:
    cut = cut_address(text)
    assert cut is None or cut_address(cut) in (None, cut), "cutting twice cuts no further"
    assert cut_host(text, TRUNCATE) is not None


@pytest.mark.parametrize(
    ("value", "truncated", "dropped"),
    [
        (b"203.0.113.77", b"203.0.113.0", None),
        (b"203.0.113.77, 198.51.100.9", b"203.0.113.0, 198.51.100.0", None),
        (b"10.0.0.1, 203.0.113.77", b"10.0.0.1, 203.0.113.0", b"10.0.0.1"),
        (b'"203.0.113.77"', b'"203.0.113.0"', None),
        (b"", b"", b""),
        (b" , ,", b", ,", b", ,"),
        (b"not an address", b"unknown", None),
        (b"\xff\xfe", b"unknown", None),
    ],
)
def test_a_list_of_addresses(value: bytes, truncated: bytes, dropped: bytes | None) -> None:
    assert cut_header(b"x-forwarded-for", value, TRUNCATE) == truncated
    assert cut_header(b"x-forwarded-for", value, DROP) == dropped
    assert cut_header(b"x-forwarded-for", value, KEEP) == value


@pytest.mark.parametrize(
    ("value", "truncated", "dropped"),
    [
        (b"for=203.0.113.77", b"for=203.0.113.0", b"for=unknown"),
        (b"For=203.0.113.77;proto=https;by=198.51.100.9", b"For=203.0.113.0;proto=https;by=198.51.100.0",
         b"For=unknown;proto=https;by=unknown"),
        (b'for="[2001:db8:aa:bb::1]:80", for=10.0.0.1', b'for="[2001:db8:aa::]:80", for=10.0.0.1',
         b"for=unknown, for=10.0.0.1"),
        (b"for=_hidden;host=203.0.113.77", b"for=_hidden;host=203.0.113.77", b"for=_hidden;host=203.0.113.77"),
        (b'for="203.0.113.77', b'for="203.0.113.0"', b"for=unknown"),
        (b"for=", b"for=", b"for="),
    ],
)  # fmt: skip
def test_forwarded(value: bytes, truncated: bytes, dropped: bytes) -> None:
    """RFC 7239: obfuscated names and other parameters stay."""
    assert cut_header(b"Forwarded", value, TRUNCATE) == truncated
    assert cut_header(b"forwarded", value, DROP) == dropped


def test_each_name_of_a_header_is_written_in_one_piece() -> None:
    assert all(not name.startswith("-") and not name.endswith("-") for name in ADDRESS_HEADERS)
    assert {"fly-client-ip", "x-azure-clientip", "x-original-forwarded-for", "wl-proxy-client-ip"} <= ADDRESS_HEADERS

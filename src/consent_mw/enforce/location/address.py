"""Client addresses cut to their network, in every place a server or proxy writes them.

A full public address is an identifier and, through any IP-to-place table, a position. IPv4 keeps 24 bits and IPv6 48,
what analytics products call anonymised; a cut address still tells the provider and often the city. Addresses that
nobody outside can place (loopback, private, link-local, shared by a carrier) stay. What is no address at all is
replaced by ``unknown`` (RFC 7239 section 6.2): in doubt it was one.
"""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Header = tuple[bytes, bytes]


class ClientAddress(StrEnum):
    """What happens to public client addresses while geolocation is denied."""

    TRUNCATE = "truncate"
    DROP = "drop"
    KEEP = "keep"


IPV4_BITS = 24
IPV6_BITS = 48
UNKNOWN = "unknown"
MAX_ADDRESS_LENGTH = 128
"""Characters, with brackets, zone and port; anything longer is no address."""

ADDRESS_HEADERS = frozenset(
    """
    forwarded x-forwarded x-forwarded-for forwarded-for x-original-forwarded-for x-forwarded-client-ip x-real-ip
    x-client-ip client-ip x-cluster-client-ip x-real-client-ip x-client-real-ip x-connecting-ip x-user-ip x-ip
    x-source-ip x-remote-ip x-remote-addr remote-addr remote-ip x-originating-ip x-proxyuser-ip http-client-ip
    http-x-forwarded-for wl-proxy-client-ip proxy-client-ip true-client-ip x-true-client-ip cf-connecting-ip
    cf-connecting-ipv6 cf-pseudo-ipv4 fastly-client-ip fly-client-ip x-nf-client-connection-ip do-connecting-ip
    x-appengine-user-ip x-appengine-remote-addr x-azure-clientip x-azure-socketip x-arr-clientip
    x-vercel-forwarded-for x-vercel-proxied-for x-envoy-external-address x-sucuri-clientip incap-client-ip
    cloudfront-viewer-address x-bunny-client-ip ali-cdn-real-ip ali-real-client-ip cdn-src-ip cdn-real-ip x-cdn-src-ip
    x-tencent-client-ip eo-client-ip eo-connecting-ip x-natapp-ip tencent-acceleration-domain-ip x-ws-client-ip
    x-bd-client-ip x-volc-client-ip x-huawei-client-ip
    """.split()
)
"""Lower case, with dashes; :class:`~consent_mw.enforce.location.rules.LocationRules` reads any spelling."""

_LOCAL_V4 = tuple(
    IPv4Network(net)
    for net in "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16".split()
)
_LOCAL_V6 = tuple(IPv6Network(net) for net in ("::/127", "fc00::/7", "fe80::/10", "fec0::/10"))
_SIXTOFOUR = IPv6Network("2002::/16")
_SIXTOFOUR_BITS = 16 + IPV4_BITS  # 2002:V4ADDR::/48 would keep the whole IPv4 address (RFC 3056)

_V4 = r"\d{1,3}(?:\.\d{1,3}){3}"
_ENDPOINT = re.compile(
    rf"(?P<v4>{_V4})(?P<port4>:\d{{1,5}})?"
    r"|\[(?P<bracketed>[0-9A-Fa-f:.]{2,45})(?P<zone>%[\w.\-]{1,32})?\](?P<port6>:\d{1,5})?"
    r"|(?P<v6>[0-9A-Fa-f:.]{2,51})(?P<zone6>%[\w.\-]{1,32})?"
    rf"|\[(?P<odd4>{_V4})\]",  # X-Originating-IP as mail systems write it
    re.ASCII,
)
_FORWARDED_FOR = re.compile(rb'(?i)((?:^|[;,\s])(?:for|by)\s*=\s*)("(?:[^"\\]|\\.)*"?|[^;,\s]*)')


def _cut_v4(address: IPv4Address) -> IPv4Address | None:
    """The network's first address, or ``None`` for a local one."""
    if any(address in network for network in _LOCAL_V4):
        return None
    return IPv4Address(int(address) >> (32 - IPV4_BITS) << (32 - IPV4_BITS))


def _cut_v6(address: IPv6Address) -> str | None:
    if address.ipv4_mapped is not None:
        inner = _cut_v4(address.ipv4_mapped)
        return None if inner is None else f"::ffff:{inner}"
    if any(address in network for network in _LOCAL_V6):
        return None
    shift = 128 - (_SIXTOFOUR_BITS if address in _SIXTOFOUR else IPV6_BITS)
    return str(IPv6Address(int(address) >> shift << shift))


def _cut_ip(text: str) -> str | None:
    """The cut address; ``None`` when it is local. Raises ``ValueError`` for what is no address."""
    if ":" in text:
        return _cut_v6(IPv6Address(text))
    cut = _cut_v4(IPv4Address(text))
    return None if cut is None else str(cut)


def _v6_with_port(text: str) -> tuple[str, str]:
    """CloudFront writes ``2001:db8::1:46532`` without brackets; nine groups or a decimal tail over 4 digits tell."""
    head, _, tail = text.rpartition(":")
    full = "::" not in text and text.count(":") == 8
    if (full or len(tail) == 5) and tail.isdecimal() and head:
        return head, f":{tail}"
    return text, ""


def cut_address(text: str) -> str | None:
    """Cut one address as proxies write it: with port, brackets or zone id, IPv4 in IPv6.

    :return: the cut form (the port stays), ``"unknown"`` for what is no address, or ``None`` when it may stay as it is
    """
    match = _ENDPOINT.fullmatch(text) if len(text) <= MAX_ADDRESS_LENGTH else None
    if match is None:
        return None if text.lower() == UNKNOWN else UNKNOWN
    try:
        if (v4 := match["v4"] or match["odd4"]) is not None:
            cut = _cut_ip(v4)
            return None if cut is None else text.replace(v4, cut)
        if (inner := match["bracketed"]) is not None:
            cut = _cut_ip(inner)
            return None if cut is None else f"[{cut}]{match['port6'] or ''}"
        address, port = _v6_with_port(match["v6"])
        cut = _cut_ip(address)
        return None if cut is None else cut + port
    except ValueError:
        return UNKNOWN


def cut_host(host: str, mode: ClientAddress) -> str | None:
    """The host of ``scope["client"]`` as the app may see it; ``None`` when nothing may stay.

    A name instead of an address (a Unix socket, a test client) is no place and stays.
    """
    if mode is ClientAddress.KEEP or "/" in host or not re.search(r"[.:]", host):
        return host
    cut = cut_address(host)
    if cut is None:
        return host
    return None if mode is ClientAddress.DROP else cut


def _cut_list(value: bytes, mode: ClientAddress) -> bytes | None:
    """``X-Forwarded-For`` and everything of its shape; ``None`` removes the header."""
    kept: list[str] = []
    for item in value.decode("latin-1").split(","):
        bare = item.strip(" \t\"'")
        cut = cut_address(bare) if bare else None
        if cut is None:
            kept.append(item)
        elif mode is ClientAddress.TRUNCATE:
            kept.append(item.replace(bare, cut))
    return ",".join(kept).strip().encode("latin-1") if kept else None


def _cut_node(match: re.Match[bytes]) -> bytes:
    node = match[2].strip(b'"').replace(b"\\", b"").decode("latin-1")
    # RFC 7239 section 6.3: an obfuscated identifier starts with "_" and says nothing about the network.
    cut = None if node.startswith("_") or not node else cut_address(node)
    if cut is None:
        return match[0]
    quote = b'"' if ":" in cut or match[2].startswith(b'"') else b""
    return match[1] + quote + cut.encode("latin-1") + quote


def _cut_forwarded(value: bytes, mode: ClientAddress) -> bytes | None:
    """``Forwarded`` (RFC 7239): only ``for`` and ``by`` are addresses; ``host`` and ``proto`` stay."""
    if mode is ClientAddress.TRUNCATE:
        return _FORWARDED_FOR.sub(_cut_node, value)
    return _FORWARDED_FOR.sub(
        lambda match: match[0] if _cut_node(match) == match[0] else match[1] + UNKNOWN.encode(), value
    )


def cut_header(name: bytes, value: bytes, mode: ClientAddress) -> bytes | None:
    """The value of a header that holds client addresses as the app may see it; ``None`` when nothing may stay."""
    if mode is ClientAddress.KEEP:
        return value
    return _cut_forwarded(value, mode) if name.lower() == b"forwarded" else _cut_list(value, mode)

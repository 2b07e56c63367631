"""``[[webhooks]]``: partners that are told, over HTTPS, when a visitor takes something back."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, field_validator

from consent_mw.catalog.schema import Strict

SECRET_PREFIX = "whsec_"  # noqa: S105, by which Standard Webhooks secrets are known
SECRET_BYTES = range(24, 65)

WebhookEvent = Literal["given", "refused", "changed", "withdrawn", "signal_honoured"]


class WebhookSettings(Strict):
    """One receiver.

    :ivar secret: ``whsec_`` and the base64 of 24 to 64 random bytes, shared with the receiver (Standard Webhooks)
    :ivar events: what it is told of, in the ledger's words
    """

    url: Annotated[str, StringConstraints(max_length=2000, pattern=r"^https?://[^\s#@]+$")]
    secret: str = Field(repr=False)
    events: tuple[WebhookEvent, ...] = Field(default=("withdrawn", "changed", "signal_honoured"), min_length=1)

    @field_validator("url")
    @classmethod
    def _private(cls, url: str) -> str:
        target = urlsplit(url)
        if target.scheme == "https" or _is_loopback(target.hostname or ""):
            return url
        raise ValueError("allowed: an https address, or http on this machine itself (loopback)")

    @field_validator("secret")
    @classmethod
    def _strong(cls, secret: str) -> str:
        if secret.startswith(SECRET_PREFIX) and len(key_of(secret)) in SECRET_BYTES:
            return secret
        raise ValueError(
            f"allowed: {SECRET_PREFIX} and the base64 of 24 to 64 random bytes, for example the output of: "
            f'python -c \'import base64, secrets; print("{SECRET_PREFIX}" + '
            "base64.b64encode(secrets.token_bytes(32)).decode())'"
        )


def key_of(secret: str) -> bytes:
    """The bytes that sign; none when the secret is not what it should be."""
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

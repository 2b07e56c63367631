"""Tickets: signed references to a record that soon expire. They are kept nowhere."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from itsdangerous import BadData, URLSafeTimedSerializer

SALT = b"consent_mw.receipt"
TICKET_SECONDS = 3600


class Tickets:
    """:param keys: secrets, oldest first; the newest signs"""

    def __init__(self, keys: Sequence[str]) -> None:
        signer = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
        self._serializer = URLSafeTimedSerializer(list(keys), salt=SALT, signer_kwargs=signer)

    def issue(self, key: str) -> str:
        return str(self._serializer.dumps(key))

    def read(self, ticket: str) -> str | None:
        """The key of the record; None from a ticket that is forged, or older than an hour."""
        try:
            return str(self._serializer.loads(ticket, max_age=TICKET_SECONDS))
        except BadData:
            return None

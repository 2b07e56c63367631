"""Signed tree heads: Ed25519 over the checkpoint format of transparency logs (C2SP tlog-checkpoint, signed-note).

The format is the one that witnesses of public logs read::

    consent-mw.ledger/3f…            which ledger: its origin
    41276                            size of the tree
    AbC…=                            root hash, base64
    time 2026-11-24T02:00:00Z        our extension line
    after 40112                      another, in a head that is kept: size of the one kept before it
    <empty line>
    — consent-mw.ledger/3f… Xyz…=    key name, then key hash and signature, base64

A public key is one line too: ``name+hash+key``. Whoever holds it can check heads and receipts with nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from consent_mw.errors import ConfigError, LedgerError
from consent_mw.ledger.proofs import TreeHead, head
from consent_mw.ledger.store import Store

SEED_BYTES = 32
_ED25519 = b"\x01"
_ORIGIN = "consent-mw.ledger/"


def origin(ledger_id: str) -> str:
    """Name of a ledger in its heads, and of the key that signs them."""
    return _ORIGIN + ledger_id


class PublicKey:
    """Checks heads and receipts of one ledger."""

    def __init__(self, name: str, key: bytes) -> None:
        self.name = name
        self._key = _ED25519 + key
        self.hash = hashlib.sha256(name.encode() + b"\n" + self._key).digest()[:4]
        self._verifier = Ed25519PublicKey.from_public_bytes(key)

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read ``name+hash+key``.

        :raises LedgerError: it is no such line
        """
        name, _, rest = line.strip().partition("+")
        hash, _, key = rest.partition("+")
        try:
            data = base64.b64decode(key, validate=True)
            parsed = cls(name, data[1:])
        except ValueError as error:
            raise LedgerError(f"{line!r} is no public key; one looks like name+hash+base64") from error
        if not data.startswith(_ED25519) or parsed.hash.hex() != hash:
            raise LedgerError(f"{line!r} is no public key: its parts do not fit together")
        return parsed

    def __str__(self) -> str:
        return f"{self.name}+{self.hash.hex()}+{base64.b64encode(self._key).decode()}"

    def verify(self, signature: bytes, message: bytes) -> bool:
        try:
            self._verifier.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class Signer:
    """Signs heads and receipts of one ledger.

    :param seed: 32 secret bytes, the Ed25519 private key
    """

    def __init__(self, seed: bytes, ledger_id: str) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = PublicKey(origin(ledger_id), public)

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


def seed_from_signing_key(signing_key: str) -> bytes:
    """Private key from the configuration: 32 bytes in base64 (``openssl rand -base64 32`` makes one).

    :raises ConfigError: it is anything else
    """
    try:
        seed = base64.b64decode(signing_key, validate=True)
    except ValueError:  # not ASCII, or not base64
        seed = b""
    if len(seed) != SEED_BYTES:
        raise ConfigError("ledger.signing_key must be 32 bytes in base64, for example from `openssl rand -base64 32`")
    return seed


def seed_from_secret_key(secret_key: str) -> bytes:
    """Private key derived from the middleware's secret by HKDF-SHA256, where no signing key is configured.

    It changes when that secret does: with ``secret_key = [old, new]`` the newest one signs, and heads of before need
    the public key of before.
    """
    return HKDF(SHA256(), SEED_BYTES, salt=None, info=b"consent_mw ledger signing key v1").derive(secret_key.encode())


class SignedHead(NamedTuple):
    """A head as a note says it.

    :ivar after: size of the head kept before this one; None in a receipt's head, which is not kept
    """

    origin: str
    head: TreeHead
    time: str
    after: int | None = None


def sign_head(signer: Signer, tree_head: TreeHead, now: str, after: int | None = None) -> str:
    """The note over a head (``now``: UTC, RFC 3339; ``after``: see :class:`SignedHead`)."""
    root = base64.b64encode(tree_head.root).decode()
    text = f"{signer.public.name}\n{tree_head.size}\n{root}\ntime {now}\n"
    if after is not None:
        text += f"after {after}\n"
    signature = base64.b64encode(signer.public.hash + signer.sign(text.encode())).decode()
    return f"{text}\n— {signer.public.name} {signature}\n"


def read_head(note: str) -> SignedHead:
    """What a note says, its signature not checked.

    :raises LedgerError: it is no note of ours
    """
    text, separator, _ = note.partition("\n\n")
    try:
        name, size, root, time, *more = text.split("\n")
        if not separator or not time.startswith("time "):
            raise ValueError
        after = [_count(line[6:]) for line in more if line.startswith("after ")]
        tree_head = TreeHead(_count(size), base64.b64decode(root, validate=True))
        return SignedHead(name, tree_head, time[5:], after[0] if after else None)
    except ValueError as error:
        raise LedgerError(f"{note[:80]!r} is no signed tree head") from error


def verify_head(note: str, keys: Sequence[PublicKey]) -> SignedHead:
    """What a note says, once one of the keys has signed it.

    :raises LedgerError: none of them has
    """
    said = read_head(note)
    text, _, signatures = note.partition("\n\n")
    for line in signatures.splitlines():
        dash, name, encoded = (*line.split(" "), "", "")[:3]
        for key in keys:
            if dash == "—" and name == key.name == said.origin and _signed(key, encoded, text + "\n"):
                return said
    raise LedgerError(f"the head of {said.head.size} entries is not signed by {', '.join(map(str, keys))}")


def keep_head(store: Store, signer: Signer, now: str) -> str:
    """Sign today's head and keep it beside the records: from then on nothing before it can change unnoticed.

    Publish the note where whoever runs the database cannot reach it, too: that is what makes it a witness.
    """
    with store.transaction():
        tree_head = head(store)
        after = max((size for size, _ in store.heads() if size < tree_head.size), default=0)
        note = sign_head(signer, tree_head, now, after)
        store.put_head(tree_head.size, note)
    return note


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError(text)
    return int(text)


def _signed(key: PublicKey, encoded: str, text: str) -> bool:
    try:
        data = base64.b64decode(encoded, validate=True)
    except ValueError:  # not ASCII, or not base64
        return False
    return data[:4] == key.hash and key.verify(data[4:], text.encode())

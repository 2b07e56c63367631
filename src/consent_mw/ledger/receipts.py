"""The visitor's receipt: a record, the proof that the ledger holds it, and a signed head. It needs no server to check.

Its fields follow ISO/IEC TS 27560:2023 where that names them; ``evidence`` is ours and is what the proof covers.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from consent_mw.core.policy import canonical_json
from consent_mw.errors import LedgerError
from consent_mw.ledger.base import Event, commitment
from consent_mw.ledger.heads import PublicKey, SignedHead, Signer, sign_head, verify_head
from consent_mw.ledger.merkle import leaf_hash, verify_inclusion
from consent_mw.ledger.proofs import head, inclusion_proof
from consent_mw.ledger.store import Row, Store, canonical_half

SCHEMA_VERSION = "consent_mw/1 (ISO/IEC TS 27560:2023)"
_SIGNED = b"consent_mw receipt v1\n"

EVENT_STATES = {
    Event.GIVEN: "ConsentGiven",
    Event.REFUSED: "ConsentRefused",
    Event.CHANGED: "ConsentGiven",
    Event.WITHDRAWN: "ConsentWithdrawn",
    Event.EXPIRED: "ConsentExpired",
    Event.SIGNAL_HONOURED: "ConsentRefused",
}
"""Our events in the vocabulary of the Data Privacy Vocabulary, which ISO/IEC TS 27560 implementations share."""


class Verified(NamedTuple):
    """What a genuine receipt proves."""

    evidence: Mapping[str, Any]
    position: int
    head: SignedHead


Context = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def make_receipt(
    store: Store, signer: Signer, index: int, now: str, context: Context = lambda evidence: {}
) -> dict[str, Any]:
    """The receipt of one record (``now``: UTC, RFC 3339).

    :param context: what the site adds to this evidence and signs for: the parties, the notice, what the policy meant
    :raises LedgerError: there is no such record, or it was purged
    """
    rows = store.rows(index, index + 1)
    if not rows or rows[0].evidence is None:
        raise LedgerError(f"the ledger holds no record {index}")
    evidence = json.loads(rows[0].evidence)
    tree_head = head(store)
    receipt = {
        **context(evidence),
        "schema_version": SCHEMA_VERSION,
        "receipt_id": evidence["key"],
        "record_id": evidence["key"],
        "pii_principal_id": rows[0].personal.subject if rows[0].personal else None,
        "language": evidence.get("language"),
        "events": [_event(evidence)],
        "evidence": evidence,
        "personal": _personal(rows[0]),
        "proof": {
            "index": index,
            "hashes": [_text(hash) for hash in inclusion_proof(store, index, tree_head.size)],
            "head": sign_head(signer, tree_head, now),
        },
        "public_key": str(signer.public),
    }
    return {**receipt, "signature": _text(signer.sign(_SIGNED + canonical_json(receipt)))}


def verify_receipt(receipt: Mapping[str, Any], keys: Sequence[PublicKey]) -> Verified:
    """Check a receipt with nothing but the operator's public key (never the one that the receipt itself names).

    :raises LedgerError: it proves nothing, and why
    """
    try:
        return _verify(receipt, keys)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LedgerError(f"this is no receipt: {error!r}") from error


def _verify(receipt: Mapping[str, Any], keys: Sequence[PublicKey]) -> Verified:
    signed = {name: value for name, value in receipt.items() if name != "signature"}
    message = _SIGNED + canonical_json(signed)
    if not any(key.verify(_bytes(receipt["signature"]), message) for key in keys):
        raise LedgerError("the receipt was altered, or somebody else signed it")
    proof, evidence = receipt["proof"], receipt["evidence"]
    said = verify_head(proof["head"], keys)
    leaf = leaf_hash(canonical_json(evidence))
    hashes = [_bytes(hash) for hash in proof["hashes"]]
    if not verify_inclusion(leaf, proof["index"], said.head.size, hashes, said.head.root):
        raise LedgerError(f"the head of {said.head.size} entries does not cover this record")
    personal = receipt["personal"]
    if personal is not None:
        half = canonical_half(personal["device"], personal["page"], personal["subject"])
        if commitment(half, _bytes(personal["key"])) != evidence["personal"]:
            raise LedgerError("the personal half is not the one that the record committed to")
    return Verified(evidence, proof["index"], said)


def _event(evidence: Mapping[str, Any]) -> dict[str, str]:
    return {
        "event_time": evidence["time"],
        "validity_duration": evidence.get("validity", ""),
        "event_type": "explicit",
        "event_state": EVENT_STATES[Event(evidence["event"])],
        "entity_id": "principal",
    }


def _personal(row: Row) -> dict[str, Any] | None:
    if row.secret is None:
        return None
    return {"subject": row.subject, "device": row.device, "page": row.page, "key": _text(row.secret)}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)

"""What evidence commits to is what anybody computes with a library of theirs."""

from __future__ import annotations

import hmac
import json
import os
import random

import pytest

from consent_mw.core.policy import canonical_json
from consent_mw.core.token import new_subject
from consent_mw.ledger.base import commitment, new_key_and_secret
from consent_mw.ledger.store import Personal, canonical_half


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 64])
def test_a_commitment_is_hmac_sha256(length: int) -> None:
    pick = random.Random(length)
    for size in (0, 1, 55, 64, 200):
        secret, half = pick.randbytes(length), pick.randbytes(size)
        assert commitment(half, secret) == hmac.new(secret, half, "sha256").hexdigest()


@pytest.mark.parametrize("page", ["/a", '/"\\\n\x01', "/ü/\u2028/😀"])
def test_a_personal_half_is_hashed_as_canonical_json(page: str) -> None:
    half = Personal(subject=None, device="mobile", page=page)
    written = canonical_half(half.device, half.page, half.subject)
    assert written == canonical_json(half.as_json())
    assert json.loads(written) == {"device": "mobile", "page": page, "subject": ""}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes that inherit a generator's state")
def test_worker_processes_that_were_forked_draw_different_numbers() -> None:
    drawn = {_drawn(), _in_a_fork(), _in_a_fork(), _drawn()}
    assert len(drawn) == 4
    assert len({number for numbers in drawn for number in numbers.split()}) == 12


def _drawn() -> str:
    key, secret = new_key_and_secret(0)
    return f"{key} {secret.hex()} {new_subject()}"


def _in_a_fork() -> str:
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writable, _drawn().encode())
        os._exit(0)
    os.close(writable)
    with open(readable) as answer:
        os.waitpid(child, 0)
        return answer.read()

"""What evidence commits to is what anybody computes with a library of theirs."""

from __future__ import annotations

import hmac
import json
import os
import random
import subprocess
import sys

import pytest

from consent_mw.core.policy import canonical_json
from consent_mw.ledger.base import commitment
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


FORKING = """
import os
from consent_mw.core.token import new_subject
from consent_mw.ledger.base import new_key_and_secret

def draw():
    key, secret = new_key_and_secret(0)
    os.write(1, f"{key} {secret.hex()} {new_subject()} ".encode())

draw()
for _ in range(2):
    child = os.fork()
    if child == 0:
        draw()
        os._exit(0)
    os.waitpid(child, 0)
draw()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes that inherit a generator's state")
def test_worker_processes_that_were_forked_draw_different_numbers() -> None:
    drawn = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, check=True).stdout.split()
    assert len(drawn) == len(set(drawn)) == 12

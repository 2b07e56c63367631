"""The signed cookie: whatever is done to it, nobody gains a grant that was never signed."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import TimestampSigner, URLSafeSerializer
from itsdangerous.encoding import base64_encode

from consent_mw.build import build_policy
from consent_mw.config import ConsentConfig
from consent_mw.core.decision import DAY_SECONDS, Choice, Stored, decide, resolve
from consent_mw.core.signals import NO_SIGNALS, Signals
from consent_mw.core.token import MAX_CLOCK_SKEW_SECONDS, MAX_TOKEN_BYTES, SALT, TokenCodec, new_subject

KEY, OLD, FOREIGN = "k" * 32, "o" * 32, "f" * 32
NOW = 1_795_500_000
MAX_AGE = 184 * DAY_SECONDS
POLICY = build_policy(ConsentConfig())
CODEC = TokenCodec([KEY], POLICY.categories, MAX_AGE)
SITE = "example.org"


def chosen(now: int = NOW, **choice: object) -> Stored:
    before = resolve(POLICY, None, NO_SIGNALS)
    return decide(before, Choice(**choice), site=SITE, now=now, new_subject=new_subject)  # type: ignore[arg-type]


def read(token: str | bytes, *, site: str = SITE, now: float = NOW, codec: TokenCodec = CODEC) -> Stored | None:
    return codec.loads(token.encode("latin-1") if isinstance(token, str) else token, site=site, now=now)


def granted(stored: Stored | None) -> set[str]:
    consent = resolve(POLICY, stored, NO_SIGNALS)
    return {*consent.grants.categories, *(id for id in POLICY.services if consent.granted(id))}


_times = st.integers(NOW - MAX_AGE + 1, NOW + MAX_CLOCK_SKEW_SECONDS)
_stored = st.builds(
    Stored,
    site=st.just(SITE),
    sequence=st.integers(0, 2**31 - 1),
    decided_at=_times,
    subject=st.none() | st.builds(new_subject),
    signals=st.builds(Signals, st.booleans(), st.booleans()),
    categories=st.dictionaries(
        st.sampled_from(list(POLICY.categories)), st.tuples(st.booleans(), st.text("abcXYZ_-09", max_size=8))
    ),
    services=st.dictionaries(st.integers(0, 2**31 - 1), st.booleans(), max_size=20),
)


@given(_stored)
def test_what_is_written_is_what_is_read(stored: Stored) -> None:
    assert read(CODEC.dumps(stored)) == stored


def test_the_default_configuration_needs_at_most_300_bytes_for_any_choice() -> None:
    every = dict.fromkeys(POLICY.categories, True)
    services = dict.fromkeys(list(POLICY.services)[:3], False)
    name = len("__Host-consent=")
    for choice in (
        {"action": "accept_all"},
        {"action": "reject_all"},
        {"action": "save", "categories": every},
        {"action": "save", "categories": every, "services": services},
    ):
        assert name + len(CODEC.dumps(chosen(**choice))) <= 300


def test_a_choice_that_does_not_fit_is_refused_when_it_is_written() -> None:
    stored = chosen(action="accept_all")
    many = Stored(**{**_fields(stored), "services": {n * 9_999_991 % 2**31: True for n in range(150)}})
    with pytest.raises(ValueError, match="a consent cookie holds 1024"):
        CODEC.dumps(many)


def _fields(stored: Stored) -> dict[str, object]:
    return {name: getattr(stored, name) for name in Stored.__slots__}


# Whose it is, and when


def test_a_token_of_another_site_or_key_is_nothing() -> None:
    token = CODEC.dumps(chosen(action="accept_all"))
    assert read(token, site="tenant.example.org") is None
    assert read(token, codec=TokenCodec([FOREIGN], POLICY.categories, MAX_AGE)) is None


def test_keys_rotate_the_newest_signs_and_all_verify() -> None:
    old, both, new = (TokenCodec(keys, POLICY.categories, MAX_AGE) for keys in ([OLD], [OLD, KEY], [KEY]))
    stored = chosen(action="accept_all")
    assert read(old.dumps(stored), codec=both) == stored
    assert read(both.dumps(stored), codec=new) == stored
    assert read(old.dumps(stored), codec=new) is None
    assert read(both.dumps(stored), codec=old) is None


@pytest.mark.parametrize(
    ("at", "holds"),
    [
        (NOW, True),
        (NOW - MAX_CLOCK_SKEW_SECONDS, True),
        (NOW - MAX_CLOCK_SKEW_SECONDS - 1, False),
        (0, False),
        (-(2**40), False),
        (NOW + MAX_AGE - 1, True),
        (NOW + MAX_AGE, False),
        (2**53, False),
        (float("inf"), False),
    ],
)
def test_a_token_holds_from_its_choice_to_its_end(at: float, holds: bool) -> None:
    token = CODEC.dumps(chosen(action="accept_all"))
    assert (read(token, now=at) is not None) == holds


def test_a_refusal_knows_only_its_day_and_holds_to_the_end_of_its_last() -> None:
    stored = chosen(action="reject_all")
    midnight = NOW - NOW % DAY_SECONDS
    assert stored.decided_at == midnight
    assert read(CODEC.dumps(stored), now=midnight + MAX_AGE + DAY_SECONDS - 1) is not None
    assert read(CODEC.dumps(stored), now=midnight + MAX_AGE + DAY_SECONDS) is None


def test_all_refusals_of_a_day_are_the_same_bytes() -> None:
    midnight = NOW - NOW % DAY_SECONDS
    moments = [midnight, NOW, midnight + DAY_SECONDS - 1]
    tokens = {CODEC.dumps(chosen(now=now, action=action)) for now in moments for action in ("reject_all", "save")}
    assert len(tokens) == 1
    assert tokens != {CODEC.dumps(chosen(now=midnight + DAY_SECONDS, action="reject_all"))}


def test_a_grant_carries_a_subject_of_its_own() -> None:
    subjects = {chosen(action="accept_all").subject for _ in range(100)}
    assert len(subjects) == 100
    assert all(subject is not None and len(subject) == 22 for subject in subjects)


# Forging


def _signed(payload: object, *, key: str = KEY, salt: bytes = SALT) -> str:
    """What someone who knows the key could sign; with another key or salt, what someone who does not can."""
    import hashlib

    options = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    token = URLSafeSerializer([key], salt=salt, signer_kwargs=options).dumps(payload)
    return token if isinstance(token, str) else token.decode()


def _payload() -> list[object]:
    from consent_mw.core import token

    return token._payload(chosen(action="accept_all"))


def test_our_own_payload_signed_by_hand_is_read() -> None:
    assert read(_signed(_payload())) is not None


@pytest.mark.parametrize("salt", [b"itsdangerous", b"consent", b"consent_mw.receipt", b""])
def test_another_salt_is_another_purpose(salt: bytes) -> None:
    assert read(_signed(_payload(), salt=salt)) is None


@pytest.mark.parametrize(
    ("position", "value"),
    [
        (0, 0), (0, 2), (0, "1"), (0, None), (0, []),
        (1, ""), (1, None), (1, 5), (1, "x" * 12),
        (2, -1), (2, 2**31), (2, 1.0), (2, True), (2, "1"), (2, None),
        (3, -1), (3, 2**63), (3, float(NOW)), (3, str(NOW)), (3, True), (3, None),
        (4, "short"), (4, None), (4, 7), (4, "x" * 23),
        (5, 4), (5, -1), (5, "1"), (5, None),
        (6, None), (6, 1), (6, ["abc"]), (6, ["abcd?meaning"]), (6, [None]), (6, [["a"] * 5]),
        (7, None), (7, 1), (7, ["1"]), (7, [True]), (7, [-1]), (7, [2**31]), (7, [1.0]),
        (8, None), (8, ["1"]), (8, [[]]),
    ],
)  # fmt: skip
def test_even_a_signed_payload_of_another_shape_is_nothing(position: int, value: object) -> None:
    payload = _payload()
    payload[position] = value
    assert read(_signed(payload)) is None


@pytest.mark.parametrize("payload", [None, 1, "text", {}, [], [1], [1] * 20, {"granted": True}, True])
def test_a_signed_value_that_is_no_list_of_ours_is_nothing(payload: object) -> None:
    assert read(_signed(payload)) is None


def test_categories_that_nobody_configured_are_passed_over() -> None:
    payload = _payload()
    payload[6] = [*payload[6], "zzzz+meaning"]  # type: ignore[misc]
    stored = read(_signed(payload))
    assert stored is not None
    assert set(stored.categories) <= set(POLICY.categories)


def test_an_oversized_token_is_refused_before_anything_is_decompressed() -> None:
    bomb = base64_encode(zlib.compress(b"[" + b"1," * 50_000_000 + b"1]", 9))
    signer = URLSafeSerializer([KEY], salt=SALT).make_signer(SALT)
    assert len(bomb) > MAX_TOKEN_BYTES
    assert read(signer.sign(b"." + bomb)) is None
    assert read(b"x" * (MAX_TOKEN_BYTES + 1)) is None


@pytest.mark.parametrize("token", [b"", b".", b"..", b"\x00", b"\xff" * 20, b"a.b.c", b".eJw=.x", b"W10.", b"null"])
def test_garbage_is_nothing(token: bytes) -> None:
    assert read(token) is None


def test_a_token_with_the_time_in_another_layer_is_nothing() -> None:
    assert read(TimestampSigner(KEY, salt=SALT).sign(CODEC.dumps(chosen(action="accept_all"))).decode()) is None


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ "


def mutants(count: int, seed: int) -> Iterator[tuple[str, set[str]]]:
    """Damaged, cut, spliced and re-signed tokens, each with all that its parents granted together."""
    dice = random.Random(seed)
    parents = [
        (CODEC.dumps(stored), granted(stored))
        for stored in (
            chosen(action="reject_all"),
            chosen(action="accept_all"),
            chosen(action="save", categories={"identification": True}),
            chosen(action="save", services={"youtube": True}),
            chosen(action="save", categories={"geolocation": True}, services={"google-analytics": True}),
        )
    ]
    for _ in range(count):
        (token, own), (other, theirs) = dice.choice(parents), dice.choice(parents)
        kind = dice.randrange(8)
        at, to = sorted((dice.randrange(len(token) + 1), dice.randrange(len(token) + 1)))
        if kind == 0:
            token = token[:at] + dice.choice(ALPHABET) + token[at + 1 :]
        elif kind == 1:
            token = token[:at] + token[to:]
        elif kind == 2:
            token = token[:at] + token[at:to] * 2 + token[to:]
        elif kind == 3:
            token = token[:at] + other[at:]
        elif kind == 4:
            token = token.rpartition(".")[0] + "." + other.rpartition(".")[2]
        elif kind == 5:
            token = (token[1:] if token.startswith(".") else "." + token) + dice.choice(("", "=", "=="))
        elif kind == 6:
            flipped = bytearray(token.encode())
            flipped[at % len(flipped)] ^= 1 << dice.randrange(8)
            token = flipped.decode("latin-1")
        else:
            token = _signed(_payload(), key=dice.choice((FOREIGN, OLD, "")), salt=dice.choice((SALT, b"x")))
            own, theirs = set(), set()
        yield token, own & theirs if kind in (3, 4) and token not in (t for t, _ in parents) else own | theirs


def _no_mutant_grants(count: int, seed: int) -> None:
    nothing = granted(None)
    readable = 0
    for token, allowed in mutants(count, seed):
        stored = read(token)
        if stored is not None:
            readable += 1
            assert granted(stored) <= allowed | nothing, token
    assert readable < count / 2


def test_no_mutated_token_grants_more_than_its_original() -> None:
    _no_mutant_grants(1_000, seed=1)


@pytest.mark.deep
def test_none_of_a_million_mutated_tokens_grants_more_than_its_original() -> None:
    _no_mutant_grants(1_000_000, seed=2)


def test_the_spellings_of_one_signature_say_the_same() -> None:
    """itsdangerous accepts several (base64 has unused bits); none of them says anything else."""
    token = CODEC.dumps(chosen(action="accept_all"))
    for spelling in {token[:-1] + last for last in ALPHABET} | {token + "=", token + "=="}:
        assert read(spelling) in (None, read(token))


def test_nothing_in_the_package_reads_pickles() -> None:
    from pathlib import Path

    import consent_mw

    for path in Path(consent_mw.__file__).parent.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        for word in ("import pickle", "import marshal", "import shelve", "yaml.load", "eval(", "exec(", "loads_unsafe"):
            assert word not in source, path

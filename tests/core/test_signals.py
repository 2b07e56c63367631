"""GPC and DNT: exactly ``1``, and only ever a denial."""

from __future__ import annotations

import pytest

from consent_mw.core.signals import NO_SIGNALS, Signals, read_signals


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], NO_SIGNALS),
        ([(b"sec-gpc", b"1")], Signals(gpc=True)),
        ([(b"dnt", b"1")], Signals(dnt=True)),
        ([(b"sec-gpc", b"1"), (b"dnt", b"1")], Signals(True, True)),
        ([(b"sec-gpc", b"0"), (b"sec-gpc", b"1")], Signals(gpc=True)),
        ([(b"sec-gpc", b"1"), (b"sec-gpc", b"0")], Signals(gpc=True)),
        ([(b"sec-gpc", b"0, 1")], NO_SIGNALS),
        ([(b"sec-gpc", b"1, 1")], NO_SIGNALS),
        ([(b"x-sec-gpc", b"1"), (b"sec_gpc", b"1")], NO_SIGNALS),
    ],
)
def test_a_signal_is_exactly_1_and_one_is_enough(headers: list[tuple[bytes, bytes]], expected: Signals) -> None:
    assert read_signals(headers) == expected


@pytest.mark.parametrize("value", [b"", b"0", b"2", b"01", b"1.0", b"?1", b"true", b" 1", b"1 ", b"\xc2\xb9", b"on"])
@pytest.mark.parametrize("name", [b"sec-gpc", b"dnt"])
def test_any_other_value_says_nothing(name: bytes, value: bytes) -> None:
    assert read_signals([(name, value)]) == NO_SIGNALS


def test_a_signal_goes_beyond_what_was_told_only_when_it_is_new() -> None:
    gpc, dnt, both = Signals(gpc=True), Signals(dnt=True), Signals(True, True)
    assert gpc.beyond(NO_SIGNALS)
    assert both.beyond(gpc)
    assert dnt.beyond(gpc)
    assert not gpc.beyond(gpc)
    assert not gpc.beyond(both)
    assert not NO_SIGNALS.beyond(both)


def test_the_names_are_those_of_the_state_and_the_record() -> None:
    assert Signals(True, True).names() == ("gpc", "dnt")
    assert NO_SIGNALS.names() == ()
    assert not NO_SIGNALS.any
    assert Signals(dnt=True).any

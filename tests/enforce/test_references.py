"""The judge of a page: who an address belongs to, and whether that is consented to."""

from __future__ import annotations

import pytest

from consent_mw.core.decision import Grants
from consent_mw.core.urls import Target
from consent_mw.enforce.references import THIRD_PARTY, Judge
from consent_mw.enforce.tags import Tag
from enforce.gating import EMBEDDED, MARKER, OWN_HOST, TRACKER, denied, policy


def judge(*granted: str, strict: bool = False, reported: list[tuple[str, str]] | None = None) -> Judge:
    grants = Grants(policy(), frozenset({"necessary", *granted}), {}) if granted else denied()
    report = [] if reported is None else reported
    return Judge(grants, frozenset({OWN_HOST}), lambda who, what: report.append((who.id, what)), strict=strict)


@pytest.mark.parametrize(
    ("reference", "owner"),
    [
        (f"https://{TRACKER}/x", "tracker"),
        (f"//cdn.{TRACKER}/x", "tracker"),
        (f"//{OWN_HOST}/static/tracker.js", "tracker"),
        ("/static/tracker.js", "tracker"),
        ("https://shared.example/collect/x", "tracker"),
        ("https://shared.example/other", None),
        (f"//{OWN_HOST}/{TRACKER}/x", None),
        ("https://stranger.example/", None),
        ("data:text/plain,x", None),
        ("mailto:a@tracker.example", None),
    ],
)
def test_an_address_belongs_to_whose_host_or_file_it_is(reference: str, owner: str | None) -> None:
    service = judge().reference(reference)
    assert (service.id if service is not None else None) == owner
    assert judge("personalization_analytics").reference(reference) is None


def test_what_is_held_back_is_reported_and_what_is_granted_is_not() -> None:
    reported: list[tuple[str, str]] = []
    judge(reported=reported).reference(f"//{TRACKER}/x")
    judge("personalization_analytics", reported=reported).reference(f"//{TRACKER}/x")
    assert reported == [("tracker", f"//{TRACKER}/x")]


@pytest.mark.parametrize(
    ("reference", "is_denied"), [("//stranger.example/x", True), (f"//{OWN_HOST}/x", False), ("/x", False)]
)
def test_in_strict_mode_a_stranger_is_denied(reference: str, is_denied: bool) -> None:
    assert (judge(strict=True).reference(reference) is THIRD_PARTY) is is_denied
    assert judge().reference(reference) is None


def test_the_first_base_counts() -> None:
    one = judge()
    one.set_base(f"https://{TRACKER}/folder/")
    one.set_base("https://stranger.example/")
    assert one.base == Target(TRACKER, "/folder/")
    assert one.addresses(["x.png"]) == ["tracker"]


def test_every_service_is_named_once_in_the_order_of_the_addresses() -> None:
    addresses = [f"//{EMBEDDED}/a", f"//{TRACKER}/a", f"//{EMBEDDED}/b", "/own"]
    assert judge().addresses(addresses) == ["embedded", "tracker"]


@pytest.mark.parametrize(
    ("address", "ids"),
    [
        (f"javascript:{MARKER})", ["tracker"]),
        (f"data:text/javascript,{MARKER})", ["tracker"]),
        (f"data:text/css,a{{b:url(//{TRACKER}/x)}}", ["tracker"]),
        ("javascript:void(0)", []),
        (f"data:text/plain,{MARKER})", []),
    ],
)
def test_what_an_address_carries_is_judged_too(address: str, ids: list[str]) -> None:
    assert judge().addresses([address]) == ids


@pytest.mark.parametrize(
    ("tag", "held"),
    [
        (f"<img src=//{TRACKER}/a srcset='/own 1x' alt=a>", {b"src", b"srcset", b"attributionsrc"}),
        (f"<img src=/own style='background:url(//{TRACKER}/a)'>", {b"style"}),
        (f"<link rel=canonical href=//{TRACKER}/a>", set()),
        (f"<meta http-equiv=Refresh content='0;url=//{TRACKER}/'>", {b"http-equiv"}),
        ("<meta http-equiv=refresh content=30>", set()),
        ("<img src='' alt=a>", set()),
    ],
)
def test_of_a_tag_the_attributes_that_contact_are_held(tag: str, held: set[bytes]) -> None:
    ids, names = judge().tag(Tag(tag.encode()))
    assert names == held
    assert ids == (["tracker"] if held else [])


@pytest.mark.parametrize("name", ["accept-ch", "Delegate-CH "])
def test_hints_that_tell_people_apart_wait_for_identification(name: str) -> None:
    tag = Tag(f'<meta http-equiv="{name}" content="sec-ch-ua-model https://cdn.example">'.encode())
    assert judge().tag(tag) == (["identification"], {b"http-equiv"})
    assert judge("identification").tag(tag) == ([], frozenset())


def test_a_purpose_waits_for_the_category_that_it_belongs_to() -> None:
    assert judge().denied_for("advertising") == ["personalization_analytics"]
    assert judge("personalization_analytics").denied_for("advertising") == []
    assert judge().denied_for("security") == []


def test_marks_are_read_as_ids_or_the_words_of_other_tools() -> None:
    one = judge("personalization_analytics")
    assert one.named("statistics") == "personalization_analytics"
    assert one.named("nobody") == "nobody"
    assert one.knows("tracker")
    assert not one.knows("nobody")
    assert not one.denied(["tracker", "personalization_analytics"])
    assert one.denied(["tracker", "geolocation"])
    assert one.denied(["nobody"])


def test_everything_optional_is_every_category_that_can_be_refused() -> None:
    assert judge().all_optional() == ["identification", "personalization_analytics", "geolocation"]

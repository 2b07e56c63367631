"""Receipt, history and erasure, asked by visitors of a real site with a real SQLite ledger."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from consent_mw.ledger.base import Record
from consent_mw.ledger.heads import PublicKey, Signer, seed_from_secret_key
from consent_mw.ledger.receipts import verify_receipt
from consent_mw.ledger.verify import verify
from web.journal import SECRET, Journal, decide

CONTROLLER = {"name": "Shop Ltd", "address": "1 High Street", "contact": "privacy desk"}
HTML = {"accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def site(tmp_path: Path) -> Journal:
    return Journal(tmp_path, {"controller": CONTROLLER, "use": ["google-analytics"]})


def public_key(site: Journal) -> PublicKey:
    return site.read(lambda store: Signer(seed_from_secret_key(SECRET), store.id()).public)


def test_a_receipt_proves_itself_to_whoever_holds_the_public_key(site: Journal) -> None:
    visitor = site.visitor()
    decide(visitor)
    response = visitor.get("/consent/receipt")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    receipt = response.json()
    proven = verify_receipt(receipt, [public_key(site)])
    assert proven.evidence["categories"]["personalization_analytics"] == "granted"
    assert proven.evidence["event"] == "given"
    assert proven.head.head.size == 1


def test_a_receipt_names_the_parties_the_notice_and_what_was_agreed_to(site: Journal) -> None:
    visitor = site.visitor()
    decide(visitor)
    receipt = visitor.get("/consent/receipt").json()
    assert receipt["parties"][0]["party_name"] == "Shop Ltd"
    assert receipt["privacy_notice"]["fingerprint"] == receipt["evidence"]["fingerprint"]
    (analytics,) = [p for p in receipt["pii_processing"] if p["purpose"] == "personalization_analytics"]
    assert analytics["lawful_basis"] == "consent"
    assert [service["name"] for service in analytics["recipient_third_parties"]] == ["Google Analytics"]
    assert receipt["events"] == [
        {
            "event_time": receipt["evidence"]["time"],
            "validity_duration": "P184D",
            "event_type": "explicit",
            "event_state": "ConsentGiven",
            "entity_id": "principal",
        }
    ]


def test_a_receipt_after_the_policy_changed_does_not_explain_the_old_one_with_the_new(tmp_path: Path) -> None:
    visitor = Journal(tmp_path).visitor()
    decide(visitor)
    later = Journal(tmp_path, {"use": ["google-analytics"]}).visitor()
    later.cookies = visitor.cookies
    receipt = later.get("/consent/receipt").json()
    assert receipt["pii_processing"] == []
    assert receipt["privacy_notice"]["fingerprint"] == receipt["evidence"]["fingerprint"]


@pytest.mark.parametrize("ask", [{"headers": HTML}, {"params": {"format": "html"}}])
def test_a_browser_gets_its_receipt_as_a_page_with_a_link_to_the_file(
    site: Journal, ask: dict[str, dict[str, str]]
) -> None:
    visitor = site.visitor()
    decide(visitor)
    response = visitor.get("/consent/receipt", **ask)  # type: ignore[arg-type]
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    for text in ("Your receipt", "Shop Ltd", "Agreed", 'action="/consent/erase"', "/consent/receipt?format=json"):
        assert text in response.text
    assert visitor.get("/consent/receipt?format=json", headers=HTML).json()["evidence"]["event"] == "given"


def test_history_tells_every_decision_of_this_visitor_and_of_nobody_else(site: Journal) -> None:
    visitor, other = site.visitor(), site.visitor()
    decide(visitor)
    decide(other)
    decide(visitor, "save", categories={"geolocation": True})
    visitor.post("/consent/withdraw")
    events = visitor.get("/consent/history").json()["events"]
    assert [event["event"] for event in events] == ["given", "changed", "withdrawn"]
    assert [event["index"] for event in events] == [0, 2, 3]
    assert len({event["personal"]["subject"] for event in events}) == 1


def test_the_receipt_is_of_the_latest_decision(site: Journal) -> None:
    visitor = site.visitor()
    decide(visitor)
    visitor.post("/consent/withdraw")
    assert visitor.get("/consent/receipt").json()["evidence"]["event"] == "withdrawn"


def strangers(site: Journal) -> Iterator[tuple[int, bytes]]:
    """Answers to who has no cookie, one of another site, a forged one, an erased one, or only a refusal."""
    elsewhere, erased, refused = site.visitor(host="other.example"), site.visitor(), site.visitor()
    for each in (elsewhere, erased):
        decide(each)
    erased_cookie = erased.cookies["__Host-consent"]
    erased.post("/consent/erase")
    decide(refused, "reject_all")
    stolen = elsewhere.cookies["__Host-consent"]
    for cookie in (None, stolen, stolen[:-3] + "AAA", erased_cookie, refused.cookies["__Host-consent"]):
        asking = site.visitor(**({"cookie": f"__Host-consent={cookie}"} if cookie else {}))
        for path in ("receipt", "history"):
            response = asking.get(f"/consent/{path}")
            yield response.status_code, response.content


def test_unknown_and_foreign_look_alike(site: Journal) -> None:
    answers = set(strangers(site))
    assert len(answers) == 1
    assert answers.pop()[0] == 404


@pytest.mark.parametrize(
    ("address", "headers"),
    [("/consent/receipt", HTML), ("/consent/receipt?format=html", {}), ("/consent/history", HTML)],
)
def test_a_browser_without_a_record_reads_so_in_its_language(
    site: Journal, address: str, headers: dict[str, str]
) -> None:
    decide(site.visitor())
    answer = site.visitor().get(address, headers={**headers, "accept-language": "de"})
    assert answer.status_code == 404
    assert '<html lang="de"' in answer.text
    assert "no record for this browser" in answer.text
    assert site.visitor().get("/consent/receipt?format=json", headers=HTML).json()["status"] == 404


def test_before_the_first_record_there_is_none_and_the_ledger_answers_so(site: Journal) -> None:
    """A server without lifespan starts no ledger: the first question opens it."""
    assert site.visitor().get("/consent/receipt").status_code == 404


def test_a_refusal_gets_its_receipt_once_with_the_answer(site: Journal) -> None:
    visitor = site.visitor()
    address = decide(visitor, "reject_all")["receipt"]
    receipt = visitor.get(address).json()
    proven = verify_receipt(receipt, [public_key(site)])
    assert (proven.evidence["event"], receipt["pii_principal_id"]) == ("refused", None)
    page = visitor.get(address, headers=HTML).text
    assert "Refused" in page
    assert "/consent/erase" not in page
    assert visitor.get("/consent/receipt").status_code == 404


def test_a_form_gets_the_address_of_its_receipt_in_a_header(site: Journal) -> None:
    visitor = site.visitor()
    form = {"action": "reject_all", "return_to": "/basket"}
    answer = visitor.post("/consent/decision", data=form, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/basket")
    address, _, relation = answer.headers["link"].partition(">; ")
    assert relation == 'rel="describedby"'
    assert visitor.get(address[1:]).json()["evidence"]["event"] == "refused"


def test_the_preferences_link_to_the_receipt_of_whoever_has_one(site: Journal) -> None:
    visitor = site.visitor()
    assert "/consent/receipt" not in visitor.get("/consent/preferences").text
    decide(visitor)
    assert 'href="/consent/receipt"' in visitor.get("/consent/preferences").text
    decide(visitor, "reject_all")
    assert 'href="/consent/receipt"' in visitor.get("/consent/preferences").text


def test_a_ticket_expires_and_cannot_be_forged(site: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = site.visitor()
    address = decide(visitor, "reject_all")["receipt"]
    assert visitor.get(address[:-4] + "AAAA").status_code == 404
    monkeypatch.setattr("consent_mw.web.tickets.TICKET_SECONDS", -1)
    assert visitor.get(address).status_code == 404


def test_refusals_of_a_day_carry_the_same_cookie(site: Journal) -> None:
    visitors = [site.visitor() for _ in range(3)]
    for visitor in visitors:
        decide(visitor, "reject_all")
    assert len({visitor.cookies["__Host-consent"] for visitor in visitors}) == 1


def test_who_granted_is_told_where_the_receipt_is_without_a_ticket(site: Journal) -> None:
    assert decide(site.visitor())["receipt"] == "/consent/receipt"


def test_erasing_removes_the_visitor_and_keeps_choices_and_proofs(site: Journal) -> None:
    visitor, other = site.visitor(), site.visitor()
    decide(other)
    decide(visitor)
    kept = visitor.get("/consent/receipt").json()
    answer = visitor.post("/consent/erase")
    assert answer.status_code == 200
    assert answer.json()["erased"] == 1
    assert answer.json()["categories"]["personalization_analytics"] == "granted"
    assert visitor.get("/consent/state").json()["categories"]["personalization_analytics"] == "granted"
    assert visitor.get("/consent/history").status_code == 404
    assert other.get("/consent/history").status_code == 200
    verify_receipt(kept, [public_key(site)])
    assert site.read(verify).problems == []
    needle = kept["pii_principal_id"].encode()
    files = [file for file in site.path.parent.rglob("*") if file.is_file()]
    assert [file for file in files if needle in file.read_bytes()] == []


def test_after_erasing_cookies_of_one_day_look_alike(site: Journal) -> None:
    visitors = [site.visitor() for _ in range(2)]
    for visitor in visitors:
        decide(visitor)
        visitor.post("/consent/erase")
    assert len({visitor.cookies["__Host-consent"] for visitor in visitors}) == 1


def test_a_form_erases_and_returns_to_a_page_of_this_site(site: Journal) -> None:
    visitor = site.visitor()
    decide(visitor)
    answer = visitor.post("/consent/erase", data={"return_to": "//evil.example"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert visitor.get("/consent/history").status_code == 404


def test_erasing_nothing_is_no_error(site: Journal) -> None:
    assert site.visitor().post("/consent/erase").json()["erased"] == 0


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}])
def test_nobody_else_can_make_a_browser_erase(site: Journal, headers: dict[str, str]) -> None:
    visitor = site.visitor()
    decide(visitor)
    assert visitor.post("/consent/erase", headers=headers).status_code == 403
    assert visitor.get("/consent/history").status_code == 200


def test_without_a_readable_ledger_there_is_no_receipt(tmp_path: Path) -> None:
    visitor = Journal(tmp_path, ledger=None).visitor()
    assert "receipt" not in decide(visitor)
    assert visitor.get("/consent/receipt").status_code == 404
    assert visitor.get("/consent/history").status_code == 404


def test_a_ledger_that_cannot_be_read_is_503_and_leaves_the_cookie(site: Journal) -> None:
    visitor = site.visitor()
    decide(visitor)
    cookie = visitor.cookies["__Host-consent"]
    site.path.write_bytes(b"damaged")
    for response in (visitor.get("/consent/receipt"), visitor.get("/consent/history"), visitor.post("/consent/erase")):
        assert response.status_code == 503
    assert visitor.cookies["__Host-consent"] == cookie


def test_a_refusal_in_the_preferences_leads_to_its_receipt_and_back(site: Journal) -> None:
    visitor = site.visitor()
    form = {"action": "reject_all", "layer": "2", "return_to": "/a?b=1&c=2", "language": "de"}
    for _ in range(2):  # whoever refused at the banner says it again to get one
        answer = visitor.post("/consent/decision", data=form, follow_redirects=False)
        assert answer.status_code == 303
        where = urlsplit(answer.headers["location"])
        assert where.path == "/consent/preferences"
        page = visitor.get(answer.headers["location"], headers={"accept": "text/html"})
        assert "Ihre Wahl ist gespeichert." in page.text
        assert 'href="/a?b=1&amp;c=2"' in page.text
        assert page.headers["referrer-policy"] == "strict-origin", "no page learns the ticket"
        (address,) = re.findall(r'href="(/consent/receipt\?ticket=[^"]+)"', page.text)
        receipt = visitor.get(html.unescape(address)).json()
        assert receipt["events"][0]["event_state"] == "ConsentRefused"
    forged = visitor.get("/consent/preferences?ticket=x%22%3E<b>", headers={"accept": "text/html"})
    assert "receipt?ticket" not in forged.text
    assert 'id="consent-status"' not in forged.text


@pytest.mark.parametrize("changed", [{"action": "accept_all"}, {"layer": "1"}])
def test_any_other_form_leads_straight_back(site: Journal, changed: dict[str, str]) -> None:
    form = {"action": "reject_all", "layer": "2", "return_to": "/a", **changed}
    answer = site.visitor().post("/consent/decision", data=form, follow_redirects=False)
    assert answer.headers["location"] == "/a"


def test_a_ledger_that_only_appends_says_so_to_operator_and_visitor(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class OnlyAppends:
        """A ledger of the site's own, without ``run``."""

        async def open(self) -> None: ...

        async def append(self, record: Record) -> int:
            return 0

        async def close(self) -> None: ...

    visitor = Journal(tmp_path, ledger=OnlyAppends()).visitor()
    assert "receipt" not in decide(visitor)
    assert "OnlyAppends only appends" in caplog.text
    answers = visitor.get("/consent/receipt"), visitor.get("/consent/history"), visitor.post("/consent/erase")
    for answer in answers:
        assert answer.status_code == 501
        assert "whoever runs this site can look" in answer.json()["detail"]

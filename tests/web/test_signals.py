"""A signal from request to response: honoured at once, remembered, recorded once per change, shown."""

from __future__ import annotations

from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from consent_mw import ConsentMiddleware
from consent_mw.ledger.base import Event, MemoryLedger, Method

SECRET = "0123456789abcdef0123456789abcdef"
GPC = {"sec-gpc": "1"}
CALIFORNIA = {"country_header": "cf-ipcountry", "trusted_proxies": ["*"], "opt_out": ["us-opt-out"]}
FROM_CALIFORNIA = {"cf-ipcountry": "US-CA"}


async def page(request: Request) -> HTMLResponse:
    response = HTMLResponse("<!doctype html><html><body><p>hello</body></html>")
    response.set_cookie("_ga", "1")
    return response


class Visitor:
    def __init__(self, ledger: Any = None, **config: Any) -> None:
        app = ConsentMiddleware(
            Starlette(routes=[Route("/page", page)]),
            {"regime": CALIFORNIA, **config},
            secret_key=SECRET,
            ledger=ledger,
        )
        self.client = AsyncClient(transport=ASGITransport(app), base_url="https://site.test")

    async def reads(self, **headers: str) -> Response:
        return await self.client.get("/page", headers={**FROM_CALIFORNIA, "accept": "text/html", **headers})

    async def state(self, **headers: str) -> dict[str, Any]:
        response = await self.client.get("/consent/state", headers={**FROM_CALIFORNIA, **headers})
        return dict(response.json())

    async def accepts(self, **headers: str) -> None:
        posted = await self.client.post(
            "/consent/decision",
            json={"action": "accept_all"},
            headers={**FROM_CALIFORNIA, "sec-fetch-site": "same-origin", **headers},
        )
        assert posted.status_code == 200


pytestmark = pytest.mark.anyio


async def test_without_a_signal_the_opt_out_default_holds() -> None:
    visitor = Visitor()
    answer = await visitor.reads()
    assert "_ga" in answer.cookies
    assert "__Host-consent" not in answer.cookies


async def test_a_signal_is_honoured_and_remembered_after_it_is_gone() -> None:
    visitor = Visitor()
    answer = await visitor.reads(**GPC)
    assert "_ga" not in answer.cookies
    assert ">Opt-out request honored<" in answer.text
    assert "Max-Age=31622400" in answer.headers["set-cookie"]  # 366 days: nobody asks again for twelve months
    silent = await visitor.reads()
    assert "_ga" not in silent.cookies
    assert (await visitor.state())["categories"]["personalization_analytics"] == "denied"


async def test_it_is_recorded_once_per_change_however_many_pages_follow() -> None:
    ledger = MemoryLedger()
    visitor = Visitor(ledger)
    for _ in range(3):
        await visitor.reads(**GPC)
    (record,) = ledger.records
    assert (record.statement.event, record.statement.method) == (Event.SIGNAL_HONOURED, Method.GPC)
    said = record.statement
    assert (said.regime, said.signals, record.personal.page) == ("us-opt-out", ("gpc",), "/page")
    await visitor.reads(**GPC, dnt="1")
    assert len(ledger.records) == 1


async def test_a_signal_that_comes_after_a_consent_overrules_it_for_good() -> None:
    ledger = MemoryLedger()
    visitor = Visitor(ledger)
    await visitor.accepts()
    await visitor.reads(**GPC)
    assert (await visitor.state())["categories"]["personalization_analytics"] == "denied"
    assert [record.statement.event for record in ledger.records] == [Event.GIVEN, Event.SIGNAL_HONOURED]
    assert ledger.records[0].personal.subject == ledger.records[1].personal.subject


async def test_whoever_was_told_of_the_signal_and_accepts_is_taken_at_their_word() -> None:
    visitor = Visitor()
    await visitor.reads(**GPC)
    await visitor.accepts(**GPC)
    assert (await visitor.state(**GPC))["categories"]["personalization_analytics"] == "granted"
    assert ">Opt-out request honored<" not in (await visitor.reads(**GPC)).text


async def test_where_nothing_is_granted_a_signal_leaves_no_trace() -> None:
    ledger = MemoryLedger()
    visitor = Visitor(ledger, regime={"default": "eu"})
    answer = await visitor.reads(**GPC)
    assert "set-cookie" not in answer.headers
    assert ">Opt-out request honored<" in answer.text
    assert ledger.records == []


async def test_a_ledger_that_is_down_does_not_keep_a_signal_from_being_honoured() -> None:
    class Broken(MemoryLedger):
        async def append(self, record: Any) -> int:
            raise OSError("no space left")

    visitor = Visitor(Broken())
    answer = await visitor.reads(**GPC)
    assert answer.status_code == 200
    assert "_ga" not in (await visitor.reads()).cookies


async def test_a_notice_stands_in_place_of_a_banner_where_the_law_asks_for_no_more() -> None:
    text = (await Visitor().reads()).text
    assert '<section id="consent-banner" aria-labelledby="consent-title" hidden>' in text
    assert "Do not sell or share my personal information" in text
    elsewhere = (await Visitor().reads(**{"cf-ipcountry": "DE"})).text
    assert '<section id="consent-banner" aria-labelledby="consent-title">' in elsewhere
    assert "Do not sell" not in elsewhere


async def test_state_names_the_kind_of_regime() -> None:
    visitor = Visitor()
    assert (await visitor.state())["regime"] == "opt-out"
    assert (await visitor.state(**{"cf-ipcountry": "FR"}))["regime"] == "opt-in"


async def says(visitor: Visitor, body: dict[str, Any], **headers: str) -> Response:
    """What the banner's script sends where the browser says a signal to scripts."""
    return await visitor.client.post(
        "/consent/decision",
        json=body,
        headers={
            **FROM_CALIFORNIA,
            "sec-fetch-site": "same-origin",
            "referer": "https://site.test/page?q=1",
            **headers,
        },
    )


async def tells(visitor: Visitor, **headers: str) -> Response:
    return await says(visitor, {"signal": "gpc"}, **headers)


async def test_a_signal_that_only_a_script_sees_is_honoured_and_recorded_once() -> None:
    ledger = MemoryLedger()
    visitor = Visitor(ledger)
    told = await tells(visitor)
    assert told.json()["signals"] == {"gpc": True, "dnt": False}
    for _ in range(2):
        again = await tells(visitor)
        assert (again.status_code, "set-cookie" in again.headers) == (200, False)
        assert again.json()["signals"]["gpc"] is True
    (record,) = ledger.records
    said = record.statement
    assert (said.event, said.method, record.personal.page) == (Event.SIGNAL_HONOURED, Method.GPC, "/page")
    answer = await visitor.reads()
    assert "_ga" not in answer.cookies
    assert ">Opt-out request honored<" in answer.text


async def test_where_nothing_is_granted_a_script_tells_once_too() -> None:
    ledger = MemoryLedger()
    visitor = Visitor(ledger, regime={"default": "eu"})
    assert (await tells(visitor)).json()["decided"] is True
    assert ">Opt-out request honored<" in (await visitor.reads()).text
    await tells(visitor)
    assert len(ledger.records) == 1


async def test_a_choice_made_after_it_was_told_stands_against_the_script() -> None:
    visitor = Visitor(ledger := MemoryLedger())
    await tells(visitor)
    await says(visitor, {"action": "accept_all", "signal": "gpc"})
    answer = await tells(visitor)
    assert answer.json()["categories"]["personalization_analytics"] == "granted"
    assert answer.json()["signals"]["gpc"] is True
    assert ">Opt-out request honored<" not in (await visitor.reads()).text
    assert [record.statement.signals for record in ledger.records] == [("gpc",), ("gpc",)]


async def test_a_choice_made_without_the_signal_does_not_outlast_it() -> None:
    visitor = Visitor()
    await tells(visitor)
    await visitor.accepts()
    answer = await tells(visitor)
    assert answer.json()["categories"]["personalization_analytics"] == "denied"


async def test_a_browser_that_says_no_signal_says_nothing() -> None:
    visitor = Visitor(ledger := MemoryLedger())
    await says(visitor, {"action": "accept_all", "signal": False})
    assert ledger.records[0].statement.signals == ()


async def test_a_withdrawal_forgets_no_signal() -> None:
    visitor = Visitor(ledger := MemoryLedger())
    await tells(visitor)
    await says(visitor, {"action": "reject_all"})
    await tells(visitor)
    assert (await visitor.state())["signals"]["gpc"] is True
    assert [record.statement.event for record in ledger.records] == [Event.SIGNAL_HONOURED]


async def test_what_a_script_tells_overrules_an_earlier_yes() -> None:
    visitor = Visitor(ledger := MemoryLedger())
    await visitor.accepts()
    answer = await tells(visitor)
    assert answer.json()["categories"]["personalization_analytics"] == "denied"
    assert ledger.records[0].personal.subject == ledger.records[1].personal.subject


async def test_a_signal_never_grants_and_no_other_site_can_tell_it() -> None:
    visitor = Visitor(regime={"default": "eu"})
    answer = await says(visitor, {"signal": "gpc", "categories": {"identification": True}})
    assert (answer.status_code, "only a signal" in answer.json()["detail"]) == (422, True)
    assert (await says(visitor, {"signal": "p3p"})).status_code == 422
    assert (await says(visitor, {})).status_code == 422
    assert (await says(visitor, {"signal": False})).status_code == 422
    assert (await tells(visitor, **{"sec-fetch-site": "cross-site"})).status_code == 403
    assert (await visitor.state())["decided"] is False


async def test_on_a_page_for_everybody_the_script_has_the_header_remembered() -> None:
    visitor = Visitor(ledger := MemoryLedger(), enforcement={"html": "universal"})
    assert "set-cookie" not in (await visitor.reads(**GPC)).headers
    assert (await visitor.state(**GPC))["categories"]["personalization_analytics"] == "denied"
    await tells(visitor, **GPC)
    assert (await visitor.state())["categories"]["personalization_analytics"] == "denied"
    assert [record.statement.event for record in ledger.records] == [Event.SIGNAL_HONOURED]

"""The endpoints under ``/consent``: what a visitor, a script or an auditor asks of the middleware itself."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, date, datetime
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from consent_mw.core.urls import resolve as resolve_reference
from consent_mw.web.deciding import Deciding
from consent_mw.web.frames import frame_page
from consent_mw.web.incoming import (
    FORM_TYPE,
    check_origin,
    media_type,
    parse_decision,
    parse_withdrawal,
    read_body,
    safe_path,
)
from consent_mw.web.lapse import note_lapse
from consent_mw.web.problem import Problem, problem
from consent_mw.web.receipts import NO_STORE, Handler, Receipts, as_page
from consent_mw.web.site import Site
from consent_mw.web.state import state_view
from consent_mw.web.visit import Visit

logger = logging.getLogger("consent_mw")

GPC_PATH = "/.well-known/gpc.json"
IMMUTABLE = "public, max-age=31536000, immutable"
MAX_SERVICES_ASKED = 200
_KEYWORD = re.compile(r"[a-z-]{1,30}")
"""What a CSP report says instead of an address: ``inline``, ``eval``, ``data``, …"""
_ZERO = re.compile(r"q\s*=\s*0(?:\.0*)?")


class Endpoints:
    """Routes by path, then by method. Everything it answers carries ``no-store``, but for the assets."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._receipts = Receipts(site)
        self._deciding = Deciding(site, self._receipts)
        self._prefix = site.config.path + "/"
        self._handlers: dict[str, dict[str, Handler]] = {
            "state": {"GET": self._state},
            "decision": {"POST": self._decision},
            "withdraw": {"POST": self._withdraw},
            "preferences": {"GET": self._preferences},
            "placeholder": {"GET": self._placeholder},
            "partners": {"GET": self._partners},
            "health": {"GET": self._health},
            "report": {"POST": self._report},
            **self._receipts.handlers,
        }
        self._started = datetime.now(UTC).date()

    def serves(self, scope: Scope, path: str) -> bool:
        if scope["type"] != "http" or (self._prefix not in path and path != GPC_PATH):
            return False
        local = path.removeprefix(scope.get("root_path", "").rstrip("/"))
        return local.startswith(self._prefix) or local == GPC_PATH

    async def __call__(self, scope: Scope, receive: Receive, send: Send, visit: Visit) -> None:
        request = Request(scope, receive)
        try:
            response = await self._handler(request)(request, visit)
        except Problem as wrong:
            response = self._refusal(request, wrong)
        except Exception:
            logger.exception("an endpoint of the consent middleware failed; nothing was switched on")
            later = Problem(503, "Not available", "nothing was switched on; try again later", {"retry-after": "30"})
            response = self._refusal(request, later)
        await response(scope, receive, send)

    def _handler(self, request: Request) -> Handler:
        local = request.scope["path"].removeprefix(request.scope.get("root_path", "").rstrip("/"))
        if local == GPC_PATH:
            handlers: dict[str, Handler] = {"GET": self._gpc}
        else:
            name = local.removeprefix(self._prefix)
            if name.startswith("assets/"):
                handlers = {"GET": self._asset}
            elif name in self._handlers:
                handlers = self._handlers[name]
            else:
                raise Problem(404, "Not found", f"known here: {', '.join(sorted(self._handlers))}, assets/…")
        method = "GET" if request.method == "HEAD" else request.method
        if method not in handlers:
            allowed = ", ".join(("GET", "HEAD") if "GET" in handlers else handlers)
            raise Problem(405, "Method not allowed", f"allowed: {allowed}", {"allow": allowed})
        return handlers[method]

    def _refusal(self, request: Request, wrong: Problem) -> Response:
        """Who would have read a page gets its errors as one that can be read; anything else as problem+json."""
        is_form = request.method == "POST" and media_type(request) == FORM_TYPE
        if not is_form and not (request.method in ("GET", "HEAD") and as_page(request)):
            return problem(wrong.status, wrong.title, wrong.detail, wrong.headers)
        origin = request.scope.get("root_path", "")
        page = self._site.banner.error_page(
            wrong.status, wrong.title, wrong.detail, self._site.locale(request), origin=origin
        )
        return HTMLResponse(page, wrong.status, {**NO_STORE, **_page_policy(), **wrong.headers})

    # What a visitor decides

    async def _decision(self, request: Request, visit: Visit) -> Response:
        self._check_origin(request)
        kind = media_type(request)
        incoming = parse_decision(kind, await read_body(request), self._site.policy)
        return await self._deciding.apply(request, visit, incoming)

    async def _withdraw(self, request: Request, visit: Visit) -> Response:
        self._check_origin(request)
        incoming = parse_withdrawal(media_type(request), await read_body(request))
        return await self._deciding.apply(request, visit, incoming)

    def _check_origin(self, request: Request) -> None:
        host = request.headers.get("host", "").encode("latin-1")
        check_origin(request, self._site.origins(request.scope, host))

    # What a visitor, a script or a load balancer reads

    async def _health(self, request: Request, visit: Visit) -> Response:
        """503 while no consent could be recorded. The site itself is served all the same, with everything denied."""
        recorder = self._site.recorder
        healthy, waiting = await recorder.health() if recorder is not None else (True, 0)
        body = {"status": "ok" if healthy else "failing", "waiting": waiting}
        return JSONResponse(body, 200 if healthy else 503, NO_STORE)

    async def _state(self, request: Request, visit: Visit) -> Response:
        """``?service=ID``, repeatable, asks for services that are not declared: a page may hold tags of theirs back."""
        note_lapse(visit, request.scope)
        asked = request.query_params.getlist("service")[:MAX_SERVICES_ASKED]
        view = state_view(visit.consent, asked)
        return JSONResponse(view, headers={**NO_STORE, "vary": "Cookie, Sec-GPC, DNT"})

    async def _preferences(self, request: Request, visit: Visit) -> Response:
        ticket = request.query_params.get("ticket", "")
        known = ticket if self._site.tickets.read(ticket) is not None else ""
        page = self._site.banner.preferences_page(
            visit.consent,
            self._site.locale(request, request.query_params.get("language", "")),
            origin=request.scope.get("root_path", ""),
            return_to=safe_path(request.query_params.get("return_to", "/")),
            ticket=quote(known),
            observed=self._site.observed.services.values(),
        )
        # A ticket tells one visitor from all others: no page learns it from where they came.
        referrer = {"referrer-policy": "strict-origin"} if ticket else {}
        return HTMLResponse(page, headers={**NO_STORE, **_page_policy(), **referrer})

    async def _placeholder(self, request: Request, visit: Visit) -> Response:
        page = frame_page(self._site, request, visit)
        if page is None:
            return Response(status_code=204, headers=NO_STORE)
        # a page that isolates itself takes no frame that does not
        isolated = {"cross-origin-embedder-policy": "require-corp"}
        return HTMLResponse(page, headers={**NO_STORE, **_page_policy(), **isolated})

    async def _partners(self, request: Request, visit: Visit) -> Response:
        policy = self._site.policy
        listed = policy.declared if policy.declares_services else tuple(self._site.observed.services.values())
        partners = [
            {
                "id": service.id,
                "number": service.number,
                "name": service.name,
                "owner": service.owner,
                "country": service.country,
                "categories": service.categories,
                "purposes": service.purposes,
                "recipients": service.recipients,
                "hosts": service.hosts,
                "cookies": [{"name": rule.name, "days": rule.max_age_days} for rule in service.cookies],
                "storage": service.storage,
                "retention": service.retention,
                "personal_data": service.personal_data,
                "stored_in": service.stored_in,
                "policy_url": service.policy_url,
                "declared": service.declared,
            }
            for service in listed
        ]
        body = {"policy": {"version": policy.version, "fingerprint": policy.fingerprint}, "services": partners}
        return JSONResponse(body, headers=NO_STORE)

    async def _asset(self, request: Request, visit: Visit) -> Response:
        name = request.scope["path"].rpartition("/")[2]
        asset = self._site.assets.get(name)
        if asset is None:
            raise Problem(404, "Not found", "assets have a content hash in their name; load the page again")
        accepted = _accepted(request.headers.get("accept-encoding", ""))
        headers = {"cache-control": IMMUTABLE, "x-content-type-options": "nosniff", "vary": "Accept-Encoding"}
        if asset.brotli is not None and "br" in accepted:
            return Response(asset.brotli, 200, {**headers, "content-encoding": "br"}, asset.media_type)
        if "gzip" in accepted:
            return Response(asset.gzip, 200, {**headers, "content-encoding": "gzip"}, asset.media_type)
        return Response(asset.body, 200, headers, asset.media_type)

    async def _gpc(self, request: Request, visit: Visit) -> Response:
        """W3C GPC section 4: the site says that it honours the signal."""
        since: date = self._site.config.policy.published_at or self._started
        return JSONResponse({"gpc": True, "lastUpdate": since.isoformat()}, headers={"cache-control": "max-age=86400"})

    async def _report(self, request: Request, visit: Visit) -> Response:
        """Browsers' reports of blocked contacts (CSP level 3, Reporting API): the host is logged once."""
        body = await read_body(request)
        try:
            reports = json.loads(body)
        except (ValueError, RecursionError):
            raise Problem(422, "Not JSON", "allowed: a CSP report or a list of Reporting API reports") from None
        for report in (reports if isinstance(reports, list) else [reports])[:20]:
            self._site.observed.csp_report(_blocked_host(report))
        return Response(status_code=204, headers=NO_STORE)


def _accepted(codings: str) -> set[str]:
    """The codings of an Accept-Encoding header; with a weight of zero one is refused (RFC 9110 section 12.5.3)."""
    found = (part.partition(";") for part in codings.lower().split(","))
    return {name.strip() for name, _, weight in found if not _ZERO.fullmatch(weight.strip())}


def _page_policy() -> dict[str, str]:
    """Our own pages need nothing from anywhere."""
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
    )
    return {"content-security-policy": policy, "referrer-policy": "same-origin"}


def _blocked_host(report: object) -> str:
    fields = report.get("csp-report", report.get("body", {})) if isinstance(report, dict) else {}
    address = fields.get("blocked-uri", fields.get("blockedURL", "")) if isinstance(fields, dict) else ""
    target = resolve_reference(str(address))
    if target is not None and target.host:
        return target.host[:100]
    return str(address) if _KEYWORD.fullmatch(str(address)) else "unknown"

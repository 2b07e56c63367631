"""Requests to our own endpoints, checked: where they come from, how large they are, what choice they state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, quote

from pydantic import Field, StrictBool, ValidationError, model_validator
from starlette.requests import Request

from consent_mw.catalog.schema import Strict
from consent_mw.core.decision import Action, Choice
from consent_mw.core.policy import Policy
from consent_mw.core.signals import NO_SIGNALS, Signals
from consent_mw.core.urls import OWN, resolve
from consent_mw.web.problem import Problem

MAX_BODY_BYTES = 8 * 1024
MAX_FIELDS = 1000
JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A checked decision.

    :ivar form: it came from a form, so the answer is a page or a redirect
    :ivar return_to: the page it was said on, a path of this site; empty where only the request's Referer knows it
    :ivar policy: fingerprint of the policy that was asked for; empty where the page did not say
    :ivar signal: name of the browser's signal that says it, where no person pressed a button
    :ivar in_preferences: the form stands in the preferences, where an answer can be read
    :ivar heard: signals that the browser says to scripts, with or without the header (W3C GPC section 3.3)
    """

    choice: Choice
    form: bool
    return_to: str = ""
    language: str = ""
    policy: str = ""
    signal: str = ""
    heard: Signals = NO_SIGNALS
    in_preferences: bool = False


class _Body(Strict):
    action: Action | None = None
    categories: dict[str, StrictBool] = Field(default_factory=dict)
    services: dict[str, StrictBool] = Field(default_factory=dict)
    language: str = Field(default="", max_length=35)
    policy: str = Field(default="", max_length=100)
    signal: Literal["gpc", "dnt", False] = False

    @model_validator(mode="after")
    def _says_something(self) -> _Body:
        if self.action is None and (not self.signal or self.categories or self.services):
            raise ValueError("without an action only a signal can be told")
        return self


def check_origin(request: Request, origins: tuple[str, ...]) -> None:
    """The whole CSRF defence, always applied, cookies or not: the browser says where a request comes from.

    :raises Problem: 403 unless ``Sec-Fetch-Site`` is ``same-origin``, or it is absent and ``Origin`` is the site's own
    """
    sites, sent = request.headers.getlist("sec-fetch-site"), request.headers.getlist("origin")
    if sites == ["same-origin"] or (not sites and len(sent) == 1 and sent[0].lower() in origins):
        return
    detail = f"allowed: a request from this site (Sec-Fetch-Site: same-origin, or Origin: {' or '.join(origins)})"
    raise Problem(403, "Cross-site request refused", detail)


def media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_body(request: Request, limit: int = MAX_BODY_BYTES) -> bytes:
    """:raises Problem: 413 as soon as the body is known to be larger than ``limit`` bytes"""
    too_large = Problem(413, "Body too large", f"allowed: up to {limit} bytes")
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > limit:
        raise too_large
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise too_large
    return body


def parse_decision(kind: str, body: bytes, policy: Policy) -> Incoming:
    """:raises Problem: 415 for another type, 422 for a body that states no choice or names what nobody knows"""
    if kind == JSON_TYPE:
        parsed = _parse_json(body)
        choice = Choice(action=parsed.action or "reject_all", categories=parsed.categories, services=parsed.services)
        heard = Signals(parsed.signal == "gpc", parsed.signal == "dnt")
        signal = (parsed.signal or "") if parsed.action is None else ""
        incoming = Incoming(
            choice, form=False, language=parsed.language, policy=parsed.policy, signal=signal, heard=heard
        )
    elif kind == FORM_TYPE:
        incoming = _parse_form(body, policy)
    else:
        raise Problem(415, "Unsupported media type", f"allowed: {JSON_TYPE}, {FORM_TYPE}")
    if incoming.choice.action == "withdraw":
        raise Problem(422, "Unknown action", "allowed: accept_all, reject_all, save")
    _check_ids(incoming.choice, policy)
    return incoming


def parse_withdrawal(kind: str, body: bytes) -> Incoming:
    """:raises Problem: 415 or 422 for a body that is neither empty, ``{}`` nor a form"""
    withdraw = Choice(action="withdraw")
    if body.strip() == b"":
        return Incoming(withdraw, form=True, return_to="/") if kind == FORM_TYPE else Incoming(withdraw, form=False)
    if kind == FORM_TYPE:
        fields = dict(_fields(body))
        return Incoming(withdraw, form=True, return_to=safe_path(fields.get("return_to", "/")))
    if kind != JSON_TYPE:
        raise Problem(415, "Unsupported media type", f"allowed: an empty body, {JSON_TYPE}, {FORM_TYPE}")
    if _load_json(body) != {}:
        raise Problem(422, "Unexpected content", "allowed: an empty body or {}")
    return Incoming(withdraw, form=False)


def safe_path(target: str) -> str:
    """A path of this site to return to, or ``/``. Whatever a browser could read as another host is ``/``."""
    if not target.startswith("/") or target[1:2] in ("/", "\\") or "\\" in target or len(target) > 2000:
        return "/"
    if any(ord(character) < 0x21 or ord(character) == 0x7F for character in target):
        return "/"
    leads = resolve(target)
    if leads is None or leads.host != OWN.host:
        return "/"
    return quote(target, safe="/%:@!$&'()*+,;=~-._?#[]")


def _parse_json(body: bytes) -> _Body:
    try:
        return _Body.model_validate(_load_json(body))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "body"
        actions = '"accept_all" | "reject_all" | "save"'
        answers = '"categories": {id: bool}, "services": {id: bool}'
        allowed = f'allowed: {{"action": {actions}, {answers}}} or {{"signal": "gpc" | "dnt"}}'
        raise Problem(422, "Not a decision", f"{where}: {first['msg']}; {allowed}") from None


def _load_json(body: bytes) -> Any:
    try:
        return _decode(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise Problem(422, "Not JSON", f"the body is not valid JSON: {error}") from None


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands there twice")
    return found


_decode = json.JSONDecoder(object_pairs_hook=_no_duplicates).decode


def _parse_form(body: bytes, policy: Policy) -> Incoming:
    fields = _fields(body)
    actions = [value for name, value in fields if name == "action"]
    if len(actions) != 1 or actions[0] not in ("accept_all", "reject_all", "save"):
        raise Problem(422, "Unknown action", "allowed: one action, accept_all, reject_all or save")
    ticked = {value for name, value in fields if name == "service"}
    # A box that was shown ticked and came back empty is a plain "no"; one that was never ticked says nothing.
    emptied = {value for name, value in fields if name == "was" and value in policy.services} - ticked
    choice = Choice(
        action=actions[0],  # type: ignore[arg-type]
        categories={value: True for name, value in fields if name == "category"},
        services=dict.fromkeys(ticked, True) | dict.fromkeys(emptied, False),
    )
    last: Mapping[str, str] = dict(fields)
    return Incoming(
        choice,
        form=True,
        return_to=safe_path(last.get("return_to", "/")),
        language=last.get("language", "")[:35],
        policy=last.get("policy", ""),
        in_preferences=last.get("layer") == "2",
    )


def _fields(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as error:
        raise Problem(422, "Not a form", f"the body is not a valid urlencoded form: {error}") from None


def _check_ids(choice: Choice, policy: Policy) -> None:
    unknown = [id for id in choice.categories if id not in policy.categories]
    if unknown:
        raise Problem(422, "Unknown category", f"unknown: {', '.join(unknown)}; known: {', '.join(policy.categories)}")
    strange = [id for id in choice.services if not _may_be_named(id, policy)]
    if strange:
        known = ", ".join(s.id for s in policy.declared) or "ids of the catalogue"
        raise Problem(422, "Unknown service", f"unknown or undeclared: {', '.join(strange)}; known: {known}")


def _may_be_named(service: str, policy: Policy) -> bool:
    known = policy.services.get(service)
    return known is not None and (known.declared or not policy.declares_services)

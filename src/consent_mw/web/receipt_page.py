"""A receipt as a page to read and print: what was decided, when, under which words, and what proves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consent_mw.web.html import escape, slot
from consent_mw.web.preferences import form_start
from consent_mw.web.words import Words


def receipt_body(words: Words, receipt: Mapping[str, Any], query: str) -> str:
    """:param query: of the address that leads to this receipt, for the link to the file"""
    evidence, party, proof = receipt["evidence"], receipt["parties"][0], receipt["proof"]
    who = " · ".join(filter(None, (party["party_name"], party["party_address"], party["party_contact"])))
    time = escape(evidence["time"])
    entry = f"{proof['index']} / {proof['head'].split()[1]}"
    facts = [
        ("receipt_event", words[f"event_{evidence['event']}"]),
        ("receipt_time", f'<time dir="ltr" datetime="{time}">{time.replace("T", " ").removesuffix("Z")}</time>'),
        ("controller", escape(who)),
        ("receipt_version", f"{escape(evidence['policy'])}<br>{_code(evidence['fingerprint'])}"),
        ("receipt_words", f"{escape(evidence['language'])}<br>{_code(evidence['text'])}"),
        ("receipt_number", _code(receipt["receipt_id"])),
        ("receipt_proof", f'<bdi dir="ltr">{escape(entry)}</bdi><br>{_code(receipt["signature"])}'),
    ]
    return (
        f'<main class="consent-receipt consent-plain"><h1>{words["receipt_title"]}</h1>'
        f"<p>{words['receipt_text']}</p>{_list(facts, words)}"
        f"<h2>{words['receipt_choices']}</h2><dl>{_choices(words, evidence)}</dl>"
        f'<nav><a href="{slot("base")}/receipt?{escape(query)}" download>{words["receipt_file"]}</a>'
        f'<a href="{slot("base")}/preferences">{words["settings"]}</a></nav>{_erase(words, receipt)}</main>'
    )


def _code(text: str) -> str:
    """The same from left to right in every language."""
    return f'<code dir="ltr">{escape(text)}</code>'


def _list(facts: list[tuple[str, str]], words: Words) -> str:
    return "<dl>" + "".join(f"<dt>{words[key]}</dt><dd>{value}</dd>" for key, value in facts) + "</dl>"


def _choices(words: Words, evidence: Mapping[str, Any]) -> str:
    decisions = {**evidence["categories"], **evidence["services"]}
    return "".join(
        f"<dt>{escape(words.label(id))}</dt><dd>{words[f'decision_{decisions[id]}']}</dd>"
        for id in words.in_order(decisions)
    )


def _erase(words: Words, receipt: Mapping[str, Any]) -> str:
    """Only where there is an id to erase."""
    if receipt["pii_principal_id"] is None:
        return ""
    button = f"<button>{words['receipt_erase']}</button>"
    return f"{form_start('erase', words)}<p>{words['receipt_erase_note']}</p>{button}</form>"

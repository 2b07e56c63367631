"""The published schemas describe real records and real receipts, and nothing looser."""

from __future__ import annotations

import copy
import io
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from consent_mw.ledger.base import Event, Method
from consent_mw.ledger.reports import records, write_jsonl
from web.journal import Journal, decide

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((REFERENCE / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.fixture
def site(tmp_path: Path) -> Journal:
    config = {
        "use": ["google-analytics"],
        "controller": {"name": "Shop Ltd", "stored_in": ["IE"]},
        "categories": [{"id": "personalization_analytics", "personal_data": ["pages visited"]}],
        "services": [
            {
                "id": "chat",
                "name": "Chat",
                "purposes": ["support"],
                "hosts": ["chat.example"],
                "personal_data": ["messages", "pages visited"],
                "stored_in": ["US", "IE"],
            }
        ],
    }
    site = Journal(tmp_path, config)
    visitor, gone = site.visitor(**{"sec-gpc": "1"}), site.visitor()
    decide(visitor, "save", services={"google-analytics": True})
    decide(gone)
    gone.post("/consent/erase")
    decide(site.visitor(), "reject_all")
    visitor.post("/consent/withdraw", data={})
    return site


def exported(site: Journal) -> list[dict[str, Any]]:
    out = io.StringIO()
    site.read(lambda store: write_jsonl(records(store), out))
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_every_exported_record_is_as_published(site: Journal) -> None:
    lines = exported(site)
    assert [line["event"] for line in lines] == ["given", "given", "refused", "withdrawn"]
    for line in lines:
        validator("record").validate(line)


def test_the_record_schema_lists_every_event_and_method() -> None:
    properties = validator("record").schema["properties"]
    assert properties["event"]["enum"] == [event.value for event in Event]
    assert properties["method"]["enum"] == [method.value for method in Method]


def test_a_record_with_anything_more_or_less_is_not_as_published(site: Journal) -> None:
    good = exported(site)[0]
    for name in good:
        assert not validator("record").is_valid({key: value for key, value in good.items() if key != name})
    assert not validator("record").is_valid({**good, "ip": "192.0.2.1"})


def test_every_receipt_is_as_published(site: Journal) -> None:
    visitor = site.visitor()
    address = decide(visitor, "reject_all")["receipt"]
    refusal = visitor.get(address).json()
    decide(visitor)
    grant = visitor.get("/consent/receipt").json()
    for receipt in (refusal, grant):
        validator("receipt").validate(receipt)
        broken = copy.deepcopy(receipt)
        del broken["proof"]["head"]
        assert not validator("receipt").is_valid(broken)
    evidence = {**grant["evidence"], "index": grant["proof"]["index"], "personal": None}
    validator("record").validate(evidence)


def test_a_receipt_names_kinds_of_data_and_places_where_the_site_does(site: Journal) -> None:
    visitor = site.visitor()
    decide(visitor)
    receipt = visitor.get("/consent/receipt").json()
    processing = {entry["purpose"]: entry for entry in receipt["pii_processing"]}
    told = processing["personalization_analytics"]
    assert told["pii_information"] == [{"pii_type": "pages visited"}, {"pii_type": "messages"}]
    assert told["storage_locations"] == ["IE", "US"]
    assert processing["geolocation"]["storage_locations"] == ["IE"]
    assert "pii_information" not in processing["geolocation"], "what was not said is left out"
    partners = {service["id"]: service for service in visitor.get("/consent/partners").json()["services"]}
    assert partners["chat"]["stored_in"] == ["US", "IE"]

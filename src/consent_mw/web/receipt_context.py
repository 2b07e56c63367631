"""What a site adds to a receipt, in the field names of ISO/IEC TS 27560:2023: parties, notice, processing."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

from consent_mw.core.policy import Category, Policy
from consent_mw.ledger.receipts import Context
from consent_mw.settings import Controller
from consent_mw.web.site import Site

CONTROLLER = "controller"


def receipt_context(site: Site, policy: Policy) -> Context:
    """For one piece of evidence. What each category meant is told only where the policy still means the same."""

    kept = site.config.ledger.retention_days

    def context(evidence: Mapping[str, Any]) -> dict[str, Any]:
        notice = {
            "url": site.config.policy.privacy_url,
            "version": evidence["policy"],
            "fingerprint": evidence["fingerprint"],
            "text": evidence["text"],
        }
        unchanged = evidence["fingerprint"] == policy.fingerprint
        return {
            "privacy_notice": notice,
            "jurisdiction": evidence["regime"],
            "pii_controllers": [CONTROLLER],
            "retention_period": f"P{kept}D" if kept is not None else "",
            "parties": [_party(site.config.controller, evidence["site"])],
            "pii_processing": [_processing(site, policy, category) for category in policy.categories.values()]
            if unchanged
            else [],
        }

    return context


def _party(controller: Controller, host: str) -> dict[str, str]:
    return {
        "party_id": CONTROLLER,
        "party_name": controller.name or host,
        "party_address": controller.address,
        "party_contact": controller.contact,
        "party_email": controller.email,
        "party_url": controller.url,
        "party_type": "organisation",
        "party_role": "controller",
    }


def _processing(site: Site, policy: Policy, category: Category) -> dict[str, Any]:
    services = [service for service in policy.declared if category.id in service.categories]
    own = (entry.personal_data for entry in site.config.categories if entry.id == category.id)
    kinds = dict.fromkeys(chain(*own, *(service.personal_data for service in services)))
    places = dict.fromkeys(chain(site.config.controller.stored_in, *(service.stored_in for service in services)))
    said = {"pii_information": [{"pii_type": kind} for kind in kinds], "storage_locations": list(places)}
    return {
        **{name: values for name, values in said.items() if values},
        "purpose": category.id,
        "purpose_type": list(category.purposes),
        "lawful_basis": "necessary" if category.required else "consent",
        "recipient_third_parties": [
            {
                "name": service.name,
                "owner": service.owner,
                "country": service.country,
                "recipients": list(service.recipients),
                "retention_period": service.retention,
                "policy_url": service.policy_url,
            }
            for service in services
        ],
        "withdrawal_method": f"{site.config.path}/preferences",
        "privacy_rights": f"{site.config.path}/erase",
    }

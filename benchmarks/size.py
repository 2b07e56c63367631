"""``python -m benchmarks.size``: bytes of the banner on the wire, per language."""

from __future__ import annotations

import brotli

from consent_mw.banner_settings import BannerSettings
from consent_mw.build import build_policy
from consent_mw.config import ConsentConfig
from consent_mw.core.decision import resolve
from consent_mw.core.signals import NO_SIGNALS
from consent_mw.i18n import Locales
from consent_mw.settings import Controller
from consent_mw.web.assets import find, load_assets
from consent_mw.web.banner import Banner

BUDGET_BYTES = 5 * 1024
# Script, style and one language as published, brotli, measured on 2026-11-24.
OTHERS = {"osano": 7.3, "silktide": 9.0, "orestbida v3": 14.2, "fides-js": 47, "tarteaucitron": 52, "klaro": 60}


def main() -> None:
    policy, assets, settings = build_policy(ConsentConfig()), load_assets(), BannerSettings()
    banner = Banner(
        policy,
        path="/consent",
        settings=settings,
        controller=Controller(name="The Harbour Post"),
        locales=Locales(),
        assets=assets,
    )
    undecided = resolve(policy, None, NO_SIGNALS)
    script = len(find(assets, "banner.js").brotli or b"")
    print(f"\nThe banner on the wire, brotli (budget {BUDGET_BYTES} bytes)")
    for locale in settings.locales:
        markup = len(brotli.compress(banner.block(undecided, locale)))
        print(f"  {locale:8} markup with style {markup:5}   script {script:5}   together {markup + script:5}")
    later = len(brotli.compress(banner.preferences_page(undecided, "en"))) + len(
        find(assets, "preferences.css").brotli or b""
    )
    print(f"  and once, when somebody opens the preferences: page and style {later}")
    print("  others (KB): " + ", ".join(f"{name} {size}" for name, size in OTHERS.items()))


if __name__ == "__main__":
    main()

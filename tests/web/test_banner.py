"""What the banner's HTML says and does not say. How it behaves in a browser is tested in tests/e2e."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from consent_mw.build import build_policy
from consent_mw.config import ConsentConfig
from consent_mw.core.decision import Choice, Consent, Stored, decide, resolve
from consent_mw.core.policy import Policy
from consent_mw.core.signals import NO_SIGNALS, Signals
from consent_mw.core.token import new_subject
from consent_mw.errors import ConfigError
from consent_mw.i18n import Locales
from consent_mw.web.assets import load_assets
from consent_mw.web.banner import MAX_CACHED_VIEWS, Banner

LOCALES, ASSETS = Locales(), load_assets()
HOSTILE = """</script></style>--><img src=x onerror=alert(1)>"' onx='`{{7*7}}\u2028javascript:alert(1)"""
NOW = 1_795_485_600
ACTIONS = ["accept_all", "reject_all"]


class Elements(HTMLParser):
    """Every start tag with its attributes; text by the tag it stands in."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def find(self, tag: str = "", /, **wanted: str) -> list[dict[str, str | None]]:
        keys = {key.rstrip("_").replace("_", "-"): value for key, value in wanted.items()}
        return [
            attributes
            for name, attributes in self.tags
            if tag in ("", name) and all(attributes.get(key) == value for key, value in keys.items())
        ]

    def one(self, tag: str = "", /, **wanted: str) -> dict[str, str | None]:
        (found,) = self.find(tag, **wanted)
        return found


def _banner(config: ConsentConfig | None = None) -> tuple[Banner, Policy]:
    config = config or ConsentConfig()
    policy = build_policy(config)
    banner = Banner(
        policy,
        path=config.path,
        settings=config.banner,
        controller=config.controller,
        locales=LOCALES,
        assets=ASSETS,
        notice=config.policy,
    )
    return banner, policy


def _decided(policy: Policy, choice: Choice, signals: Signals = NO_SIGNALS) -> Consent:
    return resolve(policy, _stored(policy, choice, signals), signals)


def _stored(policy: Policy, choice: Choice, signals: Signals = NO_SIGNALS) -> Stored:
    undecided = resolve(policy, None, signals)
    return decide(undecided, choice, site="example.org", now=NOW, new_subject=new_subject)


def _undecided(policy: Policy, signals: Signals = NO_SIGNALS) -> Consent:
    return resolve(policy, None, signals)


def _block(banner: Banner, consent: Consent, **options: Any) -> Elements:
    html = banner.block(consent, options.pop("locale", "en"), **options)
    assert html.startswith(b"<!--consent-->")
    assert html.endswith(b"<!--/consent-->")
    assert html.count(b"<!--") == 2
    return Elements(html)


# Honesty


def test_nothing_optional_is_ticked_before_a_choice() -> None:
    banner, policy = _banner(ConsentConfig(use=("google-analytics", "hotjar")))
    assert _block(banner, _undecided(policy)).find("input", type="checkbox") == []
    page = Elements(banner.preferences_page(_undecided(policy), "en"))
    boxes = page.find("input", type="checkbox")
    assert len(boxes) == 6
    assert [box["value"] for box in boxes if "checked" in box] == ["necessary"]
    assert [box["value"] for box in boxes if "disabled" in box] == ["necessary"]
    assert page.find("input", name="was") == []


@pytest.mark.parametrize("order", ["accept_first", "reject_first"])
def test_yes_and_no_differ_in_their_words_only(order: str) -> None:
    banner, policy = _banner(ConsentConfig(banner={"order": order}))
    expected = ACTIONS if order == "accept_first" else ACTIONS[::-1]
    for layer in (
        banner.block(_undecided(policy), "en").decode(),
        banner.preferences_page(_undecided(policy), "en").decode(),
    ):
        found = re.findall(r"<button ([^>]*)>(?:Accept|Reject) all</button>", layer)
        alike = [re.sub("accept_all|reject_all", "X", one) for one in found]
        assert alike == ['name="action" value="X" data-consent-action="X"'] * 2
        assert [action for one in found for action in ACTIONS if action in one] == expected


def test_the_enter_key_saves_and_never_accepts() -> None:
    """A browser takes a form's first submit button for the Enter key."""
    banner, policy = _banner()
    html = banner.preferences_page(_undecided(policy), "en").decode()
    assert re.findall(r'<button name="action" value="([a-z_]+)"', html)[0] == "save"
    assert '"text"' not in banner.block(_undecided(policy), "en").decode(), "nothing to press Enter in"


def test_a_theme_cannot_hide_a_button() -> None:
    for theme, said in (
        ({"accent": "#ffffff"}, "accent-text on accent"),
        ({"accent": "#fefefe", "accent-text": "#000000"}, "accent on background"),
        ({"dark-text": "#333333"}, "dark-text on dark-background"),
        ({"accent": "red;} * {display:none"}, "#rrggbb"),
        ({"radius": "9px;x:1"}, "0px to 32px"),
        ({"reject-accent": "#ffffff"}, "reject-accent"),
    ):
        with pytest.raises(ConfigError, match=said):
            ConsentConfig(banner={"theme": theme})
    css = ConsentConfig(banner={"theme": {"accent": "#004d40", "radius": "4px"}}).banner.theme_css
    assert css == (
        ":root{--consent-accent:#004d40;--consent-radius:4px}"
        "@media(prefers-color-scheme:dark){:root{--consent-accent:#e8ecf1}}"
    )
    assert ConsentConfig().banner.theme_css == ""


# Who sees what


def test_an_undecided_visitor_sees_the_banner_and_a_decided_one_the_settings_entry() -> None:
    banner, policy = _banner()
    before = _block(banner, _undecided(policy))
    assert "hidden" not in before.one(id="consent-banner")
    assert "hidden" in before.one(id="consent-entry")
    for action in ("accept_all", "reject_all"):
        after = _block(banner, _decided(policy, Choice(action=action)))
        assert "hidden" in after.one(id="consent-banner")
        assert "hidden" not in after.one(id="consent-entry")
        page = Elements(banner.preferences_page(_decided(policy, Choice(action=action)), "en"))
        withdraw = page.one("button", data_consent_action="withdraw")
        assert ("hidden" in withdraw) is (action == "reject_all")


def test_the_first_layer_says_who_and_what_for() -> None:
    banner, policy = _banner(ConsentConfig(controller={"name": "A & B"}, policy={"privacy_url": "/privacy"}))
    html = banner.block(_undecided(policy), "en").decode()
    layer = re.sub("<[^>]+>", "", html[html.index('id="consent-banner"') : html.index("</section>")])
    assert "A &amp; B would like to use cookies" in layer
    assert "Remembering you · Analytics, tailored content and ads." in layer
    assert "Location" not in layer, "asked for separately"
    assert '<a href="/privacy">' in html


def test_a_signal_is_honoured_without_asking_and_said() -> None:
    banner, policy = _banner()
    for signals in (Signals(gpc=True), Signals(dnt=True)):
        html = banner.block(_undecided(policy, signals), "en")
        page = Elements(html)
        assert "hidden" in page.one(id="consent-banner")
        assert "hidden" not in page.one(id="consent-entry")
        assert "Opt-out request honored" in page.texts
        assert b"Your browser asks sites not to track you" in banner.preferences_page(_undecided(policy, signals), "en")
    told = _decided(policy, Choice(action="accept_all"), Signals(gpc=True))
    assert told.granted("identification"), "an explicit choice, told of the signal"
    assert "Opt-out request honored" not in _block(banner, told).texts


def test_what_became_stale_is_asked_again_by_name() -> None:
    banner, old = _banner()
    stored = _stored(old, Choice(action="accept_all"))
    banner, policy = _banner(ConsentConfig(use=("hotjar",)))
    consent = resolve(policy, stored, NO_SIGNALS)
    assert consent.stale == ("personalization_analytics",)
    html = banner.block(consent, "en")
    assert "hidden" not in Elements(html).one(id="consent-banner")
    assert b"New since your last choice: <b>Analytics, tailored content and ads</b> (Hotjar)." in html


def test_where_the_regime_is_opt_out_the_banner_does_not_say_that_nothing_is_on() -> None:
    banner, policy = _banner(ConsentConfig(regime={"default": "opt-out"}))
    html = banner.block(_undecided(policy), "en")
    assert b"Nothing is switched on" not in html
    assert b"uses cookies and similar technologies" in html
    assert b"You can reject this here" in html


# What belongs to a request


def test_a_request_fills_in_its_own_parts_and_shares_the_rest() -> None:
    banner, policy = _banner()
    consent = _undecided(policy)
    one = banner.block(consent, "en", origin="//h/app", return_to='/a?b=c&d="e', nonce="n'1")
    other = banner.block(consent, "en")
    page = Elements(one)
    assert {form["action"] for form in page.find("form")} == {"//h/app/consent/decision"}
    assert {field["value"] for field in page.find("input", name="return_to")} == {'/a?b=c&d="e'}
    assert page.one("script")["nonce"] == page.one("style")["nonce"] == "n'1"
    assert str(page.one("script")["src"]).startswith("//h/app/consent/assets/banner.")
    entry = page.find("a", data_consent_action="open")[0]["href"]
    assert entry == "//h/app/consent/preferences?language=en&return_to=/a%3Fb%3Dc%26d%3D%22e"
    assert b"nonce" not in other
    assert b"//h/app" not in other
    assert len(banner._views) == 1


def test_the_style_is_a_file_where_inline_style_is_forbidden() -> None:
    banner, policy = _banner()
    page = _block(banner, _undecided(policy), inline_style=False)
    assert page.find("style") == []
    assert str(page.one("link", rel="stylesheet")["href"]).endswith(".css")
    assert not any("style" in attributes for _, attributes in page.tags), "no style attribute either"


def test_the_page_carries_the_state() -> None:
    banner, policy = _banner(ConsentConfig(use=("hotjar",)))
    state = json.loads(str(_block(banner, _undecided(policy)).one(id="consent-root")["data-consent-state"]))
    assert state["decided"] is False
    assert state["decided_at"] is None
    assert state["services"] == {"hotjar": "denied"}
    consent = _decided(policy, Choice(action="accept_all"))
    state = json.loads(str(_block(banner, consent).one(id="consent-root")["data-consent-state"]))
    assert state["categories"]["identification"] == "granted"
    assert state["categories"]["geolocation"] == "denied"
    assert state["decided_at"] == "2026-11-24T02:00:00Z"


def test_the_cache_is_bounded() -> None:
    banner, policy = _banner()
    services = list(policy.services)[:12]
    for number in range(MAX_CACHED_VIEWS + 20):
        chosen = {id: bool(number >> bit & 1) for bit, id in enumerate(services)}
        banner.block(_decided(policy, Choice(action="save", services=chosen)), "en")
    assert len(banner._views) <= MAX_CACHED_VIEWS


# The second layer


def test_preferences_show_what_holds_and_remember_what_was_ticked() -> None:
    banner, policy = _banner(ConsentConfig(use=("google-analytics", "hotjar")))
    choice = Choice(action="save", categories={"personalization_analytics": True}, services={"google-analytics": True})
    page = Elements(banner.preferences_page(_decided(policy, choice), "en", return_to="/x"))
    ticked = [box["value"] for box in page.find("input", type="checkbox") if "checked" in box]
    assert ticked == ["necessary", "personalization_analytics", "google-analytics"]
    assert [field["value"] for field in page.find("input", name="was")] == ticked[1:]
    assert page.one(id="consent-preferences")
    assert page.find("script") == []
    assert {field["value"] for field in page.find("input", name="return_to")} == {"/x"}


def test_the_page_discloses_each_cookie_and_who_is_behind_it() -> None:
    service = {
        "id": "wave",
        "name": "Wave",
        "owner": "Tidewater Ltd",
        "country": "IE",
        "purposes": ["analytics"],
        "cookies": [
            {"name": "_w", "days": 400},
            {"name": "_s", "days": 0},
            {"name": "_m", "days": 0.01},
            {"name": "_q"},
        ],
        "recipients": ["Harbour Ads"],
        "retention": "14 months",
        "policy_url": "https://tide.example/privacy",
    }
    controller = {"name": "The Post", "address": "Quay 4", "email": "p@post.example", "url": "https://post.example"}
    banner, policy = _banner(ConsentConfig(services=[service], controller=controller))
    page = Elements(banner.preferences_page(_undecided(policy), "en"))
    for said in ("Tidewater Ltd", "Ireland", "Analytics", "Harbour Ads", "14 months", "_w", "400 days", "14 minutes",
                 "not stated", "until the browser closes", "The Post", "Quay 4"):  # fmt: skip
        assert said in page.texts, said
    assert page.one("a", href="https://tide.example/privacy")
    assert page.one("a", href="mailto:p@post.example")


def test_the_zero_configuration_lists_what_was_observed() -> None:
    banner, policy = _banner()
    observed = [policy.services["youtube"]]
    page = banner.preferences_page(_undecided(policy), "en", observed=observed)
    assert b"Services found on this site so far" in page
    assert b"YouTube" in page
    own = _decided(policy, Choice(action="save", services={"youtube": True}))
    assert Elements(banner.preferences_page(own, "en", observed=observed)).one("input", name="service", value="youtube")


def test_a_category_of_the_site_s_own_is_described_by_its_purposes() -> None:
    banner, policy = _banner(ConsentConfig(categories=[{"id": "stats", "purposes": ["analytics", "diagnostics"]}]))
    html = banner.preferences_page(_undecided(policy), "en").decode()
    assert "Stats<input" in html
    assert "Analytics · Error and speed reports" in html


# Placeholders and other pages


def test_a_placeholder_has_the_frame_s_size_and_a_button_for_the_form_in_the_block() -> None:
    banner, policy = _banner(ConsentConfig(use=("youtube",)))
    consent = _undecided(policy)
    html = banner.placeholder("youtube", "en", consent=consent, return_to="/", width="560", height="50%")
    page = Elements(html)
    assert html.startswith(b"<!--consent-->")
    assert html.endswith(b"<!--/consent-->")
    assert page.one(data_consent_placeholder="youtube")
    assert page.one("svg")["width"] == "560"
    assert page.one("svg")["height"] == "50%"
    button = page.one("button", data_consent_action="allow")
    assert (button["form"], button["name"], button["value"]) == ("consent-allow", "service", "youtube")
    assert {tag for tag, _ in page.tags} <= {"span", "b", "svg", "button"}, "phrasing content only"
    assert _block(banner, consent).one("form", id="consent-allow")
    odd = Elements(banner.placeholder("youtube", "en", consent=consent, width='1"><script>', height="calc(1px)"))
    assert odd.one("svg")["width"] == "300"
    assert odd.find("script") == []


def test_what_the_site_does_not_disclose_cannot_be_allowed_from_a_placeholder() -> None:
    banner, policy = _banner(ConsentConfig(use=("youtube",)))
    page = Elements(banner.placeholder("vimeo", "en", consent=_undecided(policy)))
    assert page.find("button") == []
    category = Elements(banner.placeholder("geolocation", "en", consent=_undecided(policy)))
    assert category.one("button", data_consent_action="allow")["name"] == "category"


def test_the_form_of_the_placeholders_states_what_holds_now() -> None:
    banner, policy = _banner(ConsentConfig(use=("youtube", "hotjar")))
    choice = Choice(action="save", categories={"personalization_analytics": True}, services={"youtube": False})
    html = banner.block(_decided(policy, choice), "en")
    form = Elements(html[html.index(b'id="consent-allow"') :])
    fields = [(field["name"], field["value"]) for field in form.find("input", type="hidden")]
    assert ("category", "personalization_analytics") in fields
    assert ("service", "hotjar") in fields
    assert ("was", "youtube") in fields


def test_a_page_that_needs_consent_asks_for_just_that() -> None:
    banner, policy = _banner()
    page = Elements(banner.required_page(["geolocation"], _undecided(policy), "en", return_to="/map"))
    assert page.one("input", name="category")["value"] == "geolocation"
    assert page.one("input", name="return_to")["value"] == "/map"
    assert len(page.find("button")) == 2
    assert "Location" in page.texts


def test_an_error_is_said_in_words() -> None:
    banner, _ = _banner()
    html = banner.error_page(503, "Not <saved>", "disk & all", "zh-Hans", return_to="/x")
    assert "操作未成功".encode() in html
    assert b"503 Not &lt;saved&gt;: disk &amp; all" in html
    assert Elements(html).one("a", href="/x")


# Texts


def test_the_texts_hash_covers_the_words_and_nothing_else() -> None:
    banner, _ = _banner()
    again, _ = _banner(ConsentConfig(path="/c", banner={"position": "box"}))
    assert banner.text_hash("en") == again.text_hash("en")
    assert banner.text_hash("en") != banner.text_hash("zh-Hans")
    for changed in (
        ConsentConfig(banner={"texts": {"en": {"assurance": "Really."}}}),
        ConsentConfig(categories=[{"id": "identification", "description": "Other words"}]),
        ConsentConfig(use=("hotjar",)),
        ConsentConfig(controller={"name": "Somebody"}),
    ):
        assert _banner(changed)[0].text_hash("en") != banner.text_hash("en")


def test_a_site_s_own_words_and_their_mistakes() -> None:
    own = ConsentConfig(banner={"texts": {"en": {"title": "Biscuits?", "intro": "{who} {secrets} {purposes}"}}})
    banner, policy = _banner(own)
    html = banner.block(_undecided(policy), "en")
    assert b"Biscuits?" in html
    assert b"This site {secrets} <b>Remembering you</b>" in html
    for wrong, said in (({"xx": {"title": "?"}}, "unknown language 'xx'"), ({"en": {"tilte": "?"}}, "tilte")):
        with pytest.raises(ConfigError, match=said):
            _banner(ConsentConfig(banner={"texts": wrong}))
    with pytest.raises(ConfigError, match="unknown language 'tlh'"):
        _banner(ConsentConfig(banner={"locales": ["en", "tlh"]}))


def _said(text: str) -> ConsentConfig:
    """A site that says ``text`` wherever it can."""
    service = {
        "id": "evil",
        "purposes": ["analytics"],
        "cookies": [{"name": "x"}],
        "recipients": [text],
        "storage": [text],
        **dict.fromkeys(("name", "owner", "retention"), text),
    }
    return ConsentConfig(
        categories=[{"id": "identification", "label": text[:80], "description": text}],
        services=[service],
        controller=dict.fromkeys(("name", "address", "contact"), text),
        banner={"texts": {"en": {key: text + shipped for key, shipped in LOCALES.texts("en").items()}}},
    )


def test_no_text_of_a_site_becomes_markup() -> None:
    banner, policy = _banner(_said(HOSTILE))
    plain_banner, plain_policy = _banner(_said("E"))
    for render in (
        lambda b, p: b.block(_undecided(p), "en", return_to=HOSTILE, nonce=HOSTILE, origin=HOSTILE),
        lambda b, p: b.block(_undecided(p, Signals(gpc=True)), "en"),
        lambda b, p: b.preferences_page(_undecided(p), "en", ticket=HOSTILE, return_to=HOSTILE),
        lambda b, p: b.required_page(["evil", "identification"], _undecided(p), "en", return_to=HOSTILE),
        lambda b, p: b.error_page(400, HOSTILE, HOSTILE, "en", return_to=HOSTILE),
        lambda b, p: b.placeholder("evil", "en", consent=_undecided(p), width=HOSTILE, height=HOSTILE),
    ):
        hostile, plain = Elements(render(banner, policy)), Elements(render(plain_banner, plain_policy))
        assert [(tag, sorted(attributes)) for tag, attributes in hostile.tags] == [
            (tag, sorted(attributes)) for tag, attributes in plain.tags
        ]

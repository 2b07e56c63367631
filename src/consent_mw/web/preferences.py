"""The second layer: every category and service with its own switch, and every detail of theirs."""

from __future__ import annotations

from collections.abc import Iterable

from consent_mw.banner_settings import BannerSettings
from consent_mw.core.decision import Consent
from consent_mw.core.policy import Category, CookieRule, Service, new_purpose
from consent_mw.web.html import escape, slot
from consent_mw.web.words import LIST_SEPARATOR, Words


def form_start(action: str, words: Words, attributes: str = "") -> str:
    """A form that works by itself: it says where to return to, in which language it asked, and for which policy.

    No ``autocomplete``: a browser that restores boxes on a reload would show ticks that nobody set.
    """
    return (
        f'<form method="post" action="{slot("base")}/{action}" autocomplete="off"{attributes}>'
        f'<input type="hidden" name="return_to" value="{slot("return_to")}">'
        f'<input type="hidden" name="language" value="{escape(words.tag)}">'
        f'<input type="hidden" name="policy" value="{words.fingerprint}">'
    )


def preferences_form(
    consent: Consent, words: Words, settings: BannerSettings, *, observed: Iterable[Service] = ()
) -> str:
    """Categories with their services, providers, cookies and durations (GDPR art. 13; CJEU C-673/17); the buttons.

    :param observed: services seen on a site that declares none
    """
    answerable = _answerable(consent)
    categories = "".join(
        _category(category, answerable.get(category.id, []), consent, words)
        for category in consent.policy.categories.values()
    )
    seen = [service for service in observed if service.id not in consent.services()]
    extra = _seen(seen, words) if seen else ""
    return (
        f'{form_start("decision", words)}<input type="hidden" name="layer" value="2">'
        f"<p>{words['preferences_intro']}</p>{signal_note(consent, words)}{categories}{extra}"
        f'<footer><div class="c-actions">'
        # The first button in the source is the one that the Enter key presses.
        f"{button('save', words)}{choice_buttons(words, settings)}{_withdraw(consent, words)}</div></footer></form>"
    )


def choice_buttons(words: Words, settings: BannerSettings) -> str:
    """Accept and reject: one after the other, made by the same hand (CNIL 2020-092; 11 CCR 7004(a)(2))."""
    actions = ["accept_all", "reject_all"]
    if settings.order == "reject_first":
        actions.reverse()
    return "".join(button(action, words) for action in actions)


def button(action: str, words: Words) -> str:
    return f'<button name="action" value="{action}" data-consent-action="{action}">{words[action]}</button>'


def signal_note(consent: Consent, words: Words) -> str:
    if not consent.honours_signal:
        return ""
    return f"<p>{words.html('signal_note', signals=escape(words.signals(consent.known_signals)))}</p>"


def current_choice(consent: Consent) -> str:
    """Hidden inputs that state what holds now, so that a form can add to it: ``save`` means the whole choice."""
    fields = [("category", category.id) for category in consent.policy.optional if consent.granted(category.id)]
    for id in consent.services():
        if consent.granted(id):
            fields.append(("service", id))
        elif id in consent.own_services:
            fields.append(("was", id))
    return "".join(f'<input type="hidden" name="{name}" value="{escape(id)}">' for name, id in fields)


def allow_form(consent: Consent, words: Words, attributes: str = "") -> str:
    """What the placeholders' buttons belong to: what holds now, and the one thing more that the button names."""
    start = form_start("decision", words, f' id="consent-allow" hidden{attributes}')
    return f'{start}<input type="hidden" name="action" value="save">{current_choice(consent)}</form>'


def _answerable(consent: Consent) -> dict[str, list[Service]]:
    """The services with a switch of their own, each under the first category that it needs a grant of."""
    policy, found = consent.policy, dict[str, list[Service]]()
    for id in consent.services():
        service = policy.services[id]
        optional = [category for category in service.categories if not policy.categories[category].required]
        found.setdefault((optional or list(service.categories))[0], []).append(service)
    return found


def _category(category: Category, services: list[Service], consent: Consent, words: Words) -> str:
    id = escape(category.id)
    about = [escape(words.description(category))]
    if consent.policy.is_separate(category, consent.rules):
        about.append(words["separate_note"])
    if category.required:
        about.append(f"<b>{words['always_on']}</b>")
    switch = _switch("category", id, consent.granted(category.id), locked=category.required, about=f"consent-{id}")
    listed = "".join(_service(service, consent, words) for service in services)
    is_new = category.id in consent.stale and not consent.news.isdisjoint(map(new_purpose, category.purposes))
    if listed:
        listed = f'<ul aria-label="{words["services"]}">{listed}</ul>'
    return (
        f'<div class="c-category"><label>{escape(words.label(category.id))}{_new(is_new, words)}{switch}</label>'
        f'<p id="consent-{id}">{" ".join(about)}</p>{listed}</div>'
    )


def _service(service: Service, consent: Consent, words: Words) -> str:
    categories = consent.policy.categories
    optional = [id for id in service.categories if not categories[id].required]
    alone = consent.policy.asks_alone(service, consent.rules)
    # A category's switch moves those of the services that need it; one that is asked for alone stays where it is.
    needs = f' data-needs="{"" if alone else escape(" ".join(optional))}"'
    name = escape(service.name) + _new(service.id in consent.news, words)
    note = f"<p>{words['separate_note']}</p>" if alone and optional else ""
    switch = _switch("service", escape(service.id), consent.granted(service.id), locked=not optional, extra=needs)
    return f"<li><label>{name}{switch}</label>{note}{service_facts(service, words)}</li>"


def _new(is_new: bool, words: Words) -> str:
    return f" <mark>{words['new']}</mark>" if is_new else ""


def _switch(name: str, id: str, on: bool, *, locked: bool, about: str = "", extra: str = "") -> str:
    ticked = " checked" if on else ""
    if about:
        extra += f' aria-describedby="{about}"'
    if locked:
        ticked += " disabled"
    # A box that was shown ticked says so: only then is an empty one an answer, not just a box nobody touched.
    was = f'<input type="hidden" name="was" value="{id}">' if on and not locked else ""
    return f'<input type="checkbox" role="switch" name="{name}" value="{id}"{extra}{ticked}>{was}'


def _withdraw(consent: Consent, words: Words) -> str:
    hidden = "" if anything_granted(consent) else " hidden"
    return (
        f'<button class="c-quiet" formaction="{slot("base")}/withdraw" data-consent-action="withdraw"{hidden}>'
        f"{words['withdraw']}</button>"
    )


def anything_granted(consent: Consent) -> bool:
    """Whether there is something to withdraw."""
    policy = consent.policy
    return any(consent.granted(category.id) for category in policy.optional) or any(consent.own_services.values())


def _seen(services: list[Service], words: Words) -> str:
    items = "".join(f"<li>{escape(service.name)}{service_facts(service, words)}</li>" for service in services)
    return f'<div class="c-category"><h2>{words["services_seen"]}</h2><ul>{items}</ul></div>'


def service_facts(service: Service, words: Words) -> str:
    """What for and by whom in one line; who receives it, for how long, and every cookie with its duration behind it."""
    provider = (service.owner, words.country(service.country))
    purposes = words.purposes(service.purposes)
    facts = [
        ("provider", _each_its_way(provider)),
        ("purposes", escape(purposes)),
        ("recipients", escape(LIST_SEPARATOR.join(service.recipients))),
        ("retention", escape(service.retention)),
        ("storage", escape(LIST_SEPARATOR.join(service.storage))),
    ]
    if service.policy_url:
        link = (
            f'<a href="{escape(service.policy_url)}" rel="noopener noreferrer">{escape(_shown(service.policy_url))}</a>'
        )
        facts.append(("policy", link))
    rows = "".join(f"<dt>{words[key]}</dt><dd>{value}</dd>" for key, value in facts if value)
    line = _each_its_way((purposes, *provider))
    return f"<details><summary>{line}</summary><dl>{rows}</dl>{_cookies(service.cookies, words)}</details>"


def _each_its_way(parts: Iterable[str]) -> str:
    """A list in which a name from left to right stays whole among words from right to left."""
    return LIST_SEPARATOR.join(f"<bdi>{escape(part)}</bdi>" for part in parts if part)


def _cookies(rules: tuple[CookieRule, ...], words: Words) -> str:
    if not rules:
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(rule.name)}</code></td><td>{_kept_for(rule.max_age_days, words)}</td></tr>"
        for rule in rules
    )
    head = f"<tr><th scope=col>{words['cookie']}</th><th scope=col>{words['retention']}</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _kept_for(days: float | None, words: Words) -> str:
    if days is None:
        return words["cookie_unknown"]
    return words["cookie_session"] if days == 0 else escape(words.duration(days))


def _shown(address: str) -> str:
    """A link's address without what nobody reads."""
    return address.removeprefix("https://").removeprefix("http://").removesuffix("/")


def preferences_address(words: Words) -> str:
    """Where the second layer is a page of its own, in which language, and where that leads back to."""
    return f"{slot('base')}/preferences?language={words.tag}&amp;return_to={slot('return_query')}"

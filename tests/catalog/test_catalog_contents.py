from __future__ import annotations

from collections import Counter

import pytest

from consent_mw.catalog.load import load_catalog, read_files, read_not_gated
from consent_mw.catalog.schema import CookieEntry, ServiceEntry
from consent_mw.core.matching import HostIndex, NameIndex
from consent_mw.core.policy import WithoutConsent

CATALOG = load_catalog()
BY_ID = {service.id: service for service in CATALOG.services}
HOSTS = HostIndex((ref, service) for service in CATALOG.services for ref in (*service.hosts, *service.paths))
COOKIES: NameIndex[ServiceEntry | CookieEntry] = NameIndex(
    [
        *((cookie.name, cookie) for cookie in CATALOG.cookies),
        *((cookie.name, service) for service in CATALOG.services for cookie in service.cookies),
    ]
)


def markers(script: str) -> set[str]:
    return {service.id for service in CATALOG.services for marker in service.inline if marker in script}


def owner(host: str, path: str) -> str | None:
    service = HOSTS.find(host, path)
    return service.id if service is not None else None


def test_the_catalogue_is_large_enough() -> None:
    assert len(CATALOG.services) >= 250
    assert len(CATALOG.cookies) >= 120
    assert sum(service.country == "CN" for service in CATALOG.services) >= 40


def test_every_kind_of_service_is_there() -> None:
    purposes = Counter(purpose for service in CATALOG.services for purpose in service.purposes)
    wanted = "identification analytics personalization advertising social media support diagnostics tags location"
    assert all(purposes[purpose] > 0 for purpose in wanted.split()), purposes
    assert all(file.services for kind, file in read_files().items() if kind != "frameworks")


def test_services_come_by_number() -> None:
    numbers = [service.number for service in CATALOG.services]
    assert numbers == sorted(numbers, key=lambda number: number or 0)
    assert BY_ID["google-analytics"].number == 1


def test_it_is_read_once() -> None:
    assert load_catalog() is load_catalog()


@pytest.mark.parametrize(
    "id",
    "google-analytics google-tag-manager google-ads meta-pixel youtube vimeo hotjar microsoft-clarity matomo "
    "linkedin-insight tiktok-pixel hubspot baidu-tongji cnzz".split(),
)
def test_a_well_known_service_is_there(id: str) -> None:
    assert BY_ID[id].policy_url.startswith("https://")


@pytest.mark.parametrize(
    ("host", "path", "id"),
    [
        ("www.google-analytics.com", "/analytics.js", "google-analytics"),
        ("region1.google-analytics.com", "/g/collect", "google-analytics"),
        ("www.googletagmanager.com", "/gtag/js", "google-analytics"),
        ("www.googletagmanager.com", "/gtm.js", "google-tag-manager"),
        ("www.googletagmanager.com", "/ns.html", "google-tag-manager"),
        ("pagead2.googlesyndication.com", "/pagead/js/adsbygoogle.js", "google-ads"),
        ("securepubads.g.doubleclick.net", "/tag/js/gpt.js", "google-marketing-platform"),
        ("connect.facebook.net", "/en_US/fbevents.js", "meta-pixel"),
        ("connect.facebook.net", "/de_DE/sdk.js", "facebook-plugins"),
        ("www.facebook.com", "/tr", "meta-pixel"),
        ("www.facebook.com", "/plugins/like.php", "facebook-plugins"),
        ("www.youtube.com", "/embed/abc", "youtube"),
        ("youtube.com", "/embed/abc", "youtube"),
        ("www.youtube-nocookie.com", "/embed/abc", "youtube"),
        ("i.ytimg.com", "/vi/abc/hqdefault.jpg", "youtube"),
        ("player.vimeo.com", "/video/1", "vimeo"),
        ("www.google.com", "/maps/embed", "google-maps"),
        ("maps.googleapis.com", "/maps/api/js", "google-maps"),
        ("static.hotjar.com", "/c/hotjar-1.js", "hotjar"),
        ("www.clarity.ms", "/tag/abc", "microsoft-clarity"),
        ("stats.example.org", "/js/matomo.js", "matomo"),
        ("stats.example.org", "/piwik.php", "matomo"),
        ("snap.licdn.com", "/li.lms-analytics/insight.min.js", "linkedin-insight"),
        ("analytics.tiktok.com", "/i18n/pixel/events.js", "tiktok-pixel"),
        ("js.hs-scripts.com", "/1.js", "hubspot"),
        ("hm.baidu.com", "/hm.js", "baidu-tongji"),
        ("s4.cnzz.com", "/z_stat.php", "cnzz"),
        ("g.alicdn.com", "/alilog/mlog/aplus_v2.js", "aplus"),
        ("api.map.baidu.com", "/api", "baidu-maps"),
        ("api.map.baidu.com", "/location/ip", "baidu-location"),
        ("restapi.amap.com", "/v3/ip", "amap-location"),
        ("player.bilibili.com", "/player.html", "bilibili"),
        ("ipinfo.io", "/json", "ipinfo"),
        ("ip-api.com", "/json/", "ip-api"),
    ],
)
def test_a_well_known_address_has_its_owner(host: str, path: str, id: str) -> None:
    assert owner(host, path) == id


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("www.google.com", "/search"),
        ("www.google.com", "/recaptcha/enterprise.js"),
        ("www.youtube.com", "/watch"),
        ("www.facebook.com", "/some.page"),
        ("cdn.jsdelivr.net", "/npm/vue@3/dist/vue.global.js"),
        ("g.alicdn.com", "/code/lib/jquery.js"),
        ("matomo.org", "/"),
        ("example.org", "/analytics.js"),
        ("example.org", "/static/script.js"),
    ],
)
def test_an_innocent_address_has_none(host: str, path: str) -> None:
    assert owner(host, path) is None


def test_every_path_finds_its_own_service() -> None:
    for service in CATALOG.services:
        for reference in service.paths:
            host, _, path = reference.partition("/")
            assert owner(host or "self.example", "/" + path) == service.id, reference


def test_no_service_catches_a_host_that_stays_free() -> None:
    free = read_not_gated()
    assert len(free) >= 60
    assert all(why for why in free.values())
    for reference in free:
        host, _, path = reference.partition("/")
        assert owner(host, "/" + path) is None, reference


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("_ga", "google-analytics"),
        ("_ga_ABC123", "google-analytics"),
        ("_gcl_au", "google-ads"),
        ("_fbp", "meta-pixel"),
        ("_clck", "microsoft-clarity"),
        ("_hjSessionUser_12", "hotjar"),
        ("_pk_id.1.1fff", "matomo"),
        ("li_fat_id", "linkedin-insight"),
        ("_ttp", "tiktok-pixel"),
        ("__hstc", "hubspot"),
        ("Hm_lvt_0123456789abcdef", "baidu-tongji"),
        ("CNZZDATA123", "cnzz"),
        ("sensorsdata2015jssdkcross", "sensors-data"),
        ("mf_01234567-89ab-cdef-0123-456789abcdef", "mouseflow"),
    ],
)
def test_a_well_known_cookie_has_its_owner(name: str, id: str) -> None:
    found = COOKIES.find(name)
    assert isinstance(found, ServiceEntry)
    assert found.id == id


SESSION_ONLY = "session sessionid ds_actor PHPSESSID JSESSIONID connect.sid laravel_session ASP.NET_SessionId "
SESSION_ONLY += ".AspNetCore.CookiesC1 _session_id rack.session fastapiusersauth access_token"


@pytest.mark.parametrize("name", SESSION_ONLY.split())
def test_a_sign_in_works_but_is_not_remembered(name: str) -> None:
    found = COOKIES.find(name)
    assert isinstance(found, CookieEntry)
    assert (found.purpose, found.without_consent) == ("identification", WithoutConsent.SESSION_ONLY)


@pytest.mark.parametrize("name", ["remember_token", "remember_user_token", "REMEMBERME", "remember_web_59ba36"])
def test_a_remembered_sign_in_waits_for_consent(name: str) -> None:
    found = COOKIES.find(name)
    assert isinstance(found, CookieEntry)
    assert (found.purpose, found.without_consent) == ("identification", WithoutConsent.BLOCK)


@pytest.mark.parametrize(
    ("name", "purpose"),
    [
        ("csrftoken", "security"),
        ("ds_csrftoken", "security"),
        ("XSRF-TOKEN", "security"),
        ("__RequestVerificationToken_L3", "security"),
        ("fastapi-csrf-token", "security"),
        ("AWSALBCORS", "security"),
        ("__cf_bm", "security"),
        ("BIGipServerpool_web", "security"),
        ("visid_incap_1", "security"),
        ("acw_tc", "security"),
        ("messages", "session"),
        ("django_language", "preferences"),
        ("theme", "preferences"),
    ],
)
def test_a_framework_cookie_has_its_purpose(name: str, purpose: str) -> None:
    found = COOKIES.find(name)
    assert isinstance(found, CookieEntry)
    assert found.purpose == purpose


@pytest.mark.parametrize(
    ("script", "id"),
    [
        ("gtag('js', new Date()); gtag('config', 'G-ABC');", "google-analytics"),
        ('gtag("js",new Date);gtag("config","G-ABC")', "google-analytics"),
        ("gtag('config', 'AW-123');", "google-ads"),
        ("(function(w,d,s,l,i){w[l].push({'gtm.start':new Date().getTime()})})()", "google-tag-manager"),
        ("fbq('init', '1'); fbq('track', 'PageView');", "meta-pixel"),
        ("t.src='https://www.clarity.ms/tag/'+i;", "microsoft-clarity"),
        ("h._hjSettings={hjid:1,hjsv:6};", "hotjar"),
        ("g.src=u+'matomo.js'; s.parentNode.insertBefore(g,s);", "matomo"),
        ('hm.src = "https://hm.baidu.com/hm.js?abc";', "baidu-tongji"),
        ("new Image().src='//px.ads.linkedin.com/collect?v=2'", "linkedin-insight"),
        ("fetch('https://ipinfo.io/json').then(show)", "ipinfo"),
        ("fetch('https://api.ipify.org?format=json')", "ipify"),
    ],
)
def test_a_snippet_is_known_and_nothing_else_in_it(script: str, id: str) -> None:
    assert markers(script) == {id}


@pytest.mark.parametrize(
    "script",
    [
        "// We removed Google Analytics and the Facebook Pixel, see issue 12.",
        "/* hotjar.com, clarity.ms and hm.baidu.com are gone */ start();",
        "gtag('consent', 'default', {analytics_storage: 'denied'});",
        "window.dataLayer = window.dataLayer || []; function gtag(){dataLayer.push(arguments);}",
        "const text = 'Share on Facebook, Weibo or LinkedIn';",
        "sensors.init({interval: 5}); cloud({}); room.load('lobby'); amplitude = 3;",
        "const id = require('identify'); navigator.sendBeacon('init'); saga('create', 1);",
        "navigator.geolocation.getCurrentPosition(show)",
    ],
)
def test_a_script_that_only_mentions_names_is_not(script: str) -> None:
    assert markers(script) == set()

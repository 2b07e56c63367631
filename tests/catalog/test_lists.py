"""An operator's own block list: what is taken over, what is counted, and what is said of a file that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from consent_mw.build import build_policy
from consent_mw.catalog.lists import read_list
from consent_mw.config import ConsentConfig
from consent_mw.core.decision import Grants, resolve
from consent_mw.core.policy import Policy
from consent_mw.core.signals import NO_SIGNALS
from consent_mw.errors import ConfigError

LIST = """\
[Adblock Plus 2.0]
! Title: our own
||tracks.example^$third-party
||Counts.Example^
||shared.example/collect/$3p
||pixel.example/p.gif
||www.google-analytics.com^
||fine.example^
@@||fine.example^
@@||cdn.tracks.example^
||scripts-only.example^$script
||elsewhere.example^$domain=other.example
||wild*.example^
||asked.example/a?b=
/generic/path
example.org##.banner
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Our List.txt"
    path.write_text(LIST, encoding="utf-8")
    return path


def policy(file: Path, **values: object) -> Policy:
    enforcement = {"lists": [{"file": str(file), "category": "personalization_analytics"}]}
    return build_policy(ConsentConfig(enforcement=enforcement, **values))


def test_rules_about_whole_hosts_and_paths_are_taken_over_and_the_rest_is_counted(file: Path) -> None:
    lines, skipped = read_list(str(file))
    assert lines == {
        "tracks.example": 3,
        "counts.example": 4,
        "shared.example/collect/": 5,
        "pixel.example/p.gif": 6,
        "www.google-analytics.com": 7,
    }
    assert skipped == 6


@pytest.mark.parametrize(
    ("host", "path", "owner"),
    [
        ("tracks.example", "/x", "our-list"),
        ("deep.below.counts.example", "/", "our-list"),
        ("shared.example", "/collect/x", "our-list"),
        ("shared.example", "/other", None),
        ("fine.example", "/", None),
        ("www.google-analytics.com", "/g/collect", "google-analytics"),
    ],
)
def test_its_hosts_are_looked_up_with_the_catalogues(file: Path, host: str, path: str, owner: str | None) -> None:
    service = policy(file).host_index.find(host, path)
    assert (service.id if service is not None else None) == owner


def test_a_service_of_the_site_keeps_its_hosts(file: Path) -> None:
    own = {"id": "counter", "name": "Counter", "category": "identification", "hosts": ["counts.example"]}
    service = policy(file, services=[own]).host_index.find("a.counts.example", "/")
    assert service is not None
    assert service.id == "counter"


def test_a_category_covers_the_list_only_where_the_site_declares_no_service(file: Path) -> None:
    granted = frozenset({"necessary", "personalization_analytics"})
    for values, expected in (({}, True), ({"use": ["youtube"]}, False)):
        built = policy(file, **values)
        assert not resolve(built, None, NO_SIGNALS).grants.granted("our-list")
        assert Grants(built, granted, {}).granted("our-list") is expected


def test_the_log_says_what_became_of_a_list(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "consent_mw")
    policy(file)
    assert f"{file}: 5 hosts and paths, 4 of them new; 6 rules not understood" in caplog.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "not readable"),
        (b"||a.example^\n\n||b\xff.example^\n", "line 3: not UTF-8"),
        (b"! nothing\n/generic/\n", "no rule of the form ||host^"),
    ],
)
def test_a_file_that_is_no_list_stops_the_start(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "list.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message.replace("|", r"\|").replace("^", r"\^")) as raised:
        policy(path)
    assert str(path) in str(raised.value)


def test_a_list_is_nobodys_namesake(tmp_path: Path) -> None:
    path = tmp_path / "hotjar.txt"
    path.write_text("||a.example^", encoding="utf-8")
    with pytest.raises(ConfigError, match="'hotjar' is the id of a service; allowed: a file with another name"):
        policy(path)
    twice = [{"file": str(tmp_path / name), "category": "identification"} for name in ("a.txt", "a.list")]
    with pytest.raises(ConfigError, match="'a' stands there 2 times"):
        build_policy(ConsentConfig(enforcement={"lists": twice}))


def test_its_category_is_one_of_the_sites(file: Path) -> None:
    with pytest.raises(ConfigError, match="unknown category; allowed: necessary"):
        build_policy(ConsentConfig(enforcement={"lists": [{"file": str(file), "category": "ads"}]}))

"""Cookies taken out of the jar, in answers that a reverse proxy still accepts."""

from __future__ import annotations

import time

import pytest

from asgi.exchange import HTML, PAGE, Answer, answering, call, consent_cookie, wrapped
from consent_mw.web.expiry import MAX_BYTES, folders

APP = wrapped(answering(PAGE, [HTML]))
REFUSAL = consent_cookie(APP, {"action": "reject_all"})
ALL = consent_cookie(APP)


def visit(cookies: bytes, path: str = "/") -> Answer:
    name, own = REFUSAL
    return call(APP, path, [(name, own + b"; " + cookies)])


def taken(answer: Answer) -> set[bytes]:
    return {v.partition(b"=")[0] for v in answer.all(b"set-cookie") if b"Max-Age=0" in v}


def weight(answer: Answer) -> int:
    return sum(len(value) + 14 for value in answer.all(b"set-cookie") if b"Max-Age=0" in value)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/", ["/"]),
        ("/a", ["/", "/a", "/a/"]),
        ("/a/b/", ["/", "/a", "/a/b", "/a/", "/a/b/"]),
        ("//a//b", ["/", "/a", "/a/b", "/a/", "/a/b/"]),
        ("/a/b/c/d/e", ["/", "/a", "/a/b", "/a/b/c", "/a/", "/a/b/", "/a/b/c/"]),
        ("/\u00e9 ;", ["/", "/%C3%A9%20%3B", "/%C3%A9%20%3B/"]),
    ],
)
def test_a_cookie_may_have_been_set_for_any_folder_of_the_page(path: str, found: list[str]) -> None:
    assert folders(path) == found


def test_a_page_takes_denied_cookies_wherever_they_were_set() -> None:
    answer = visit(b"_ga=1; csrftoken=t; zz=1", "/shop/boats")
    assert taken(answer) == {b"_ga"}
    paths = {v.split(b"; ")[1] for v in answer.all(b"set-cookie") if v.startswith(b"_ga=")}
    assert paths == {b"Path=" + path.encode() for path in folders("/shop/boats")}


def test_before_a_choice_nothing_is_taken() -> None:
    assert taken(call(APP, headers=[(b"cookie", b"_ga=1")])) == set()


def test_however_many_cookies_there_are_the_answer_stays_small() -> None:
    many = b"; ".join(b"_ga_%d=1" % number for number in range(200))
    for path in ("/", "/a/b/c"):
        answer = visit(many, path)
        assert 0 < weight(answer) <= MAX_BYTES
    name, own = ALL
    headers = [(name, own + b"; " + many), (b"sec-fetch-site", b"same-origin")]
    withdrawal = call(APP, "/consent/withdraw", headers, method="POST")
    assert 0 < weight(withdrawal) <= MAX_BYTES


def test_visit_after_visit_every_cookie_gets_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [b"_ga_%d" % number for number in range(60)]
    now = time.time()
    gone: set[bytes] = set()
    for second in range(60):
        monkeypatch.setattr("consent_mw.web.expiry.time.time", lambda second=second: now + second)
        gone |= taken(visit(b"; ".join(name + b"=1" for name in names)))
    assert gone == set(names)


def test_a_name_as_long_as_an_answer_may_be_does_not_hold_up_the_others() -> None:
    assert taken(visit(b"_ga_" + b"x" * 3000 + b"=1; _fbp=1")) == {b"_fbp"}

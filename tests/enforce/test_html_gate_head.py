"""What stands at the start of a page's head: in front of everything that could run or load."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from consent_mw.enforce.html_gate import HtmlGate
from enforce.gating import bytewise, page


def headed(chunks: bytes | Iterable[bytes]) -> bytes:
    gate = HtmlGate(replace(page(), head=b"[guard]", block=lambda has_base, lang: b""))
    pieces = [chunks] if isinstance(chunks, bytes) else chunks
    return b"".join([*map(gate.feed, pieces), gate.close()])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"<!doctype html><html><head>", b"<title>a</title><script src='/a.js'></script></head><body>"),
        (b"<html><HEAD lang='en'>", b"<base href='//elsewhere.example/'><script>run()</script>"),
        (b"<!doctype html><!--a--><title>a</title>", b"<script>run()</script><p>"),
        (b"<html><title>a</title>", b"<img src='/a.png'>"),
        (b"<!doctype html><header>a</header>", b"<link rel=stylesheet href='/a.css'>"),
        (b"<!doctype html><title>a</title>", b"<body onload='run()'>"),
        (b"<!doctype html>", b"<noscript>a</noscript><script>run()</script>"),
        (b"<!doctype html>", b"<template><img src='/a.png'></template><script>run()</script>"),
        (b"<!doctype html>", b"<x-app></x-app>"),
    ],
)
def test_it_comes_before_whatever_runs_and_only_once(before: bytes, after: bytes) -> None:
    assert headed(before + after) == headed(bytewise(before + after)) == before + b"[guard]" + after


@pytest.mark.parametrize(
    "part", [b"<p>a</p><script>run()</script>", b"<img src='/a.png'>", b"", b"<head><script>run()</script>"]
)
def test_a_part_of_a_page_gets_none(part: bytes) -> None:
    assert headed(part) == part

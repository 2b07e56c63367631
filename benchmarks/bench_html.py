"""Megabytes of page per second of processor time through the gate, beside lol-html with no handler in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable

import lolhtml

from benchmarks.measure import interleaved, table
from consent_mw.build import build_policy
from consent_mw.config import ConsentConfig
from consent_mw.core.decision import Grants, resolve
from consent_mw.core.signals import NO_SIGNALS
from consent_mw.enforce.html_gate import HtmlGate
from consent_mw.enforce.page import Page, TagMemo
from consent_mw.enforce.references import Judge

ROUNDS = 15
LEAST_SECONDS = 0.01
"""Of each measurement: a page that takes less is taken again and again, as by a server that has something to do."""
CHUNK_BYTES = 64 * 1024


def article(paragraphs: int, candidates: int) -> bytes:
    """A page with evenly spread candidate tags, one in ten at a denied host."""
    text = "<p>The tide came in over the quay, and nobody in the harbour office looked up from <b>the ledger</b>.</p>\n"
    every = max(1, paragraphs // max(1, candidates))
    body = []
    for n in range(paragraphs):
        body.append(text)
        if candidates and n % every == 0 and n // every < candidates:
            host = "https://www.google-analytics.com" if n // every % 10 == 0 else ""
            body.append(f'<img class="figure" src="{host}/images/{n}.jpg" alt="Boat {n}" width="640">\n')
    page = f'<!doctype html><html lang="en"><head><title>Quay</title></head><body>{"".join(body)}</body></html>'
    return page.encode()


def chunks(page: bytes) -> list[bytes]:
    return [page[at : at + CHUNK_BYTES] for at in range(0, len(page), CHUNK_BYTES)]


def gate_run(page: bytes, grants: Grants, *, everything: bool = False, remember: bool = True) -> Callable[[], float]:
    pieces, kept = chunks(page), TagMemo()

    def run() -> float:
        memo = kept if remember else TagMemo()
        started = time.thread_time()
        judge = Judge(grants, frozenset({"site.test"}), lambda service, reference: None)
        gate = HtmlGate(
            Page(
                judge=judge,
                block=lambda base, lang: b"",
                placeholder=lambda ids, tag: b"",
                everything_granted=everything,
                memo=memo,
            )
        )
        for piece in pieces:
            gate.feed(piece)
        gate.close()
        return time.thread_time() - started

    return run


def engine_run(page: bytes) -> Callable[[], float]:
    pieces = chunks(page)

    def run() -> float:
        started = time.thread_time()
        out: list[bytes] = []
        rewriter = lolhtml.HTMLRewriter(out.append)
        for piece in pieces:
            rewriter.write(piece)
        rewriter.end()
        return time.thread_time() - started

    return run


def steadily(run: Callable[[], float]) -> Callable[[], float]:
    times = max(1, int(LEAST_SECONDS / run()))
    return lambda: sum(run() for _ in range(times)) / times


def styled(page: bytes) -> bytes:
    """Every paragraph with a style of its own: the page's text has to be looked at as well."""
    return page.replace(b"<p>", b'<p style="margin: 0">')


def main() -> None:
    policy = build_policy(ConsentConfig())
    denied = resolve(policy, None, NO_SIGNALS).grants
    long_page, dense, small = article(50_000, 50), article(400, 380), article(8, 3)
    contenders = {
        f"{len(long_page) / 1e6:.1f} MB, 50 candidates": (long_page, gate_run(long_page, denied)),
        "the same, engine alone": (long_page, engine_run(long_page)),
        "the same, everything granted": (long_page, gate_run(long_page, denied, everything=True)),
        f"{len(dense) / 1e3:.0f} KB, 380 candidates": (dense, gate_run(dense, denied)),
        "the same, every tag new": (dense, gate_run(dense, denied, remember=False)),
        "the same, 400 style attributes": (styled(dense), gate_run(styled(dense), denied)),
        "the same, engine alone ": (dense, engine_run(dense)),
        f"{len(small) / 1e3:.1f} KB, 3 candidates": (small, gate_run(small, denied)),
    }
    figures = interleaved({name: steadily(run) for name, (_, run) in contenders.items()}, ROUNDS)
    budgets = ["≥ 300 MB/s", "", "", "≤ 1 ms", "", "", "", "≤ 100 µs"]
    rows = []
    for (name, (page, _)), budget in zip(contenders.items(), budgets, strict=True):
        best = sorted(figures[name])[len(figures[name]) // 2]
        rows.append((name, f"{best * 1e6:.0f} µs {len(page) / best / 1e6:.0f} MB/s", budget))
    table("A page through the gate (medians)", rows)


if __name__ == "__main__":
    main()

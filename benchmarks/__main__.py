"""``python -m benchmarks``: every budget beside its baseline, in one interleaved run."""

from __future__ import annotations

from benchmarks import (
    bench_banner,
    bench_decisions,
    bench_guard,
    bench_html,
    bench_ledger,
    bench_location,
    bench_request,
    bench_server,
    size,
)


def main() -> None:
    bench_request.main()
    bench_server.main()
    bench_html.main()
    bench_location.main()
    bench_ledger.main()
    bench_decisions.main()
    size.main()
    bench_guard.main()
    bench_banner.main()


if __name__ == "__main__":
    main()

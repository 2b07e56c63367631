"""Decisions per second through the whole HTTP endpoint, recorded and not recorded, side by side.

    python -m benchmarks.bench_decisions [--seconds 1] [--rounds 20] [--connections 64]

The servers (uvicorn, one process each) take short turns under the same load, which wrk makes: first visits that accept
everything, each a new visitor, on kept-alive connections. The figure that counts is the ratio inside one round. One
server makes each record and keeps it nowhere: what lies between it and the others is what keeping costs.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bench_ledger import postgres

SERVER = """
import sys
import uvicorn
from consent_mw import ConsentMiddleware

class Nowhere:
    # Makes what a ledger would keep.

    async def open(self):
        pass

    async def append(self, record):
        record.entry()
        return 0

    async def close(self):
        pass

async def app(scope, receive, send):
    await send({{"type": "http.response.start", "status": 204, "headers": []}})
    await send({{"type": "http.response.body", "body": b""}})

uvicorn.run(ConsentMiddleware(app, secret_key="benchmark-secret-benchmark-secret", ledger={ledger}),
    port={port}, log_level="error", access_log=False)
"""
VISIT = """
wrk.method, wrk.body = "POST", '{"action":"accept_all"}'
wrk.headers["Host"] = "site.test"
wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64)"
wrk.headers["Accept"] = "*/*"
wrk.headers["Accept-Language"] = "en-GB,en;q=0.9"
wrk.headers["Sec-Fetch-Site"] = "same-origin"
wrk.headers["Referer"] = "https://site.test/a"
wrk.headers["Content-Type"] = "application/json"

function done(summary, latency)
  if summary.errors.status + summary.errors.read + summary.errors.timeout > 0 then os.exit(1) end
  print("figures", summary.requests / summary.duration * 1e6, latency:percentile(99) / 1e3)
end
"""
"""A first visit that accepts everything; then decisions per second and the 99th percentile in milliseconds."""


def driven(wrk: str, script: str, port: int, seconds: int, connections: int) -> tuple[float, float]:
    command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script]
    address = f"http://127.0.0.1:{port}/consent/decision"
    said = subprocess.run([*command, address], capture_output=True, text=True, check=False)
    if said.returncode:
        sys.exit(f"not all were recorded: {said.stdout}{said.stderr}")
    rate, p99 = said.stdout.rpartition("figures")[2].split()
    return float(rate), float(p99)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def server(ledger: str) -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", SERVER.format(ledger=ledger, port=port)])
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
                break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def main(seconds: int = 1, rounds: int = 20, connections: int = 64) -> None:
    wrk = shutil.which("wrk")
    if wrk is None:
        print("\nDecisions through HTTP: skipped, wrk is not installed")
        return
    with tempfile.TemporaryDirectory() as directory, postgres() as new_database, contextlib.ExitStack() as stack:
        ledgers = {
            "records nothing": "None",
            "makes records": "Nowhere()",
            "SQLite": repr(f"sqlite:///{directory}/ledger.sqlite3"),
        }
        if new_database is not None:
            ledgers["PostgreSQL"] = repr(new_database())
        script = Path(directory) / "visit.lua"
        script.write_text(VISIT)
        ports = {name: stack.enter_context(server(dsn)) for name, dsn in ledgers.items()}
        results: dict[str, list[tuple[float, float]]] = {name: [] for name in ports}
        for _ in range(rounds):
            for name, port in ports.items():
                results[name].append(driven(wrk, str(script), port, seconds, connections))
    print(f"\nDecisions through HTTP, {connections} connections, one worker, medians of {rounds} rounds")
    for name, measured in results.items():
        rate, p99 = (statistics.median(column) for column in zip(*measured, strict=True))
        nothing, made = (_ratio(measured, results[base]) for base in ("records nothing", "makes records"))
        print(
            f"  {name:16} {rate:8,.0f} /s   p99 {p99:6.1f} ms   {nothing:5.2f} of recording nothing (budget 0.80), "
            f"{made:.2f} of making the record and keeping it nowhere"
        )


def _ratio(measured: list[tuple[float, float]], base: list[tuple[float, float]]) -> float:
    return statistics.median(one / other for (one, _), (other, _) in zip(measured, base, strict=True))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--connections", type=int, default=64)
    main(**vars(parser.parse_args()))

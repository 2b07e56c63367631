"""Decisions per second through the whole HTTP endpoint, recorded and not recorded, side by side.

    python -m benchmarks.bench_decisions [--seconds 3] [--rounds 5] [--connections 64]

Two servers (uvicorn, one process each) take turns under the same load: first visits that accept everything, each a new
visitor, on kept-alive connections. The figure that counts is the ratio inside one round.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from benchmarks.bench_ledger import postgres

SERVER = """
import sys
import uvicorn
from consent_mw import ConsentMiddleware

async def app(scope, receive, send):
    await send({{"type": "http.response.start", "status": 204, "headers": []}})
    await send({{"type": "http.response.body", "body": b""}})

uvicorn.run(ConsentMiddleware(app, secret_key="benchmark-secret-benchmark-secret", ledger={ledger!r}),
    port={port}, log_level="error", access_log=False)
"""
BODY = b'{"action":"accept_all"}'
REQUEST = (
    b"POST /consent/decision HTTP/1.1\r\nhost: site.test\r\nuser-agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
    b"accept: */*\r\naccept-language: en-GB,en;q=0.9\r\nsec-fetch-site: same-origin\r\nreferer: https://site.test/a\r\n"
    b"content-type: application/json\r\ncontent-length: " + str(len(BODY)).encode() + b"\r\n\r\n" + BODY
)


class Connection(asyncio.Protocol):
    """Sends the next request as soon as the last one is answered."""

    def __init__(self, waits: list[float]) -> None:
        self._waits = waits
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._send()

    def _send(self) -> None:
        self._start = time.perf_counter()
        self._transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, end, body = self._got.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        if not end or len(body) < length:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            sys.exit(f"not recorded: {self._got.decode()}")
        self._waits.append(time.perf_counter() - self._start)
        self._got = b""
        self._send()


async def load(port: int, seconds: float, connections: int) -> list[float]:
    loop, waits = asyncio.get_running_loop(), list[float]()
    made = [await loop.create_connection(lambda: Connection(waits), "127.0.0.1", port) for _ in range(connections)]
    await asyncio.sleep(seconds)
    for transport, _ in made:
        transport.abort()
    return waits


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def server(ledger: str | None) -> Iterator[int]:
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


def main(seconds: float = 3.0, rounds: int = 5, connections: int = 64) -> None:
    with tempfile.TemporaryDirectory() as directory, postgres() as new_database, contextlib.ExitStack() as stack:
        ledgers = {"records nothing": None, "SQLite": f"sqlite:///{directory}/ledger.sqlite3"}
        if new_database is not None:
            ledgers["PostgreSQL"] = new_database()
        ports = {name: stack.enter_context(server(dsn)) for name, dsn in ledgers.items()}
        results: dict[str, list[tuple[float, float]]] = {name: [] for name in ports}
        for _ in range(rounds):
            for name, port in ports.items():
                waits = sorted(asyncio.run(load(port, seconds, connections)))
                results[name].append((len(waits) / seconds, waits[int(len(waits) * 0.99)] * 1e3))
    print(f"\nDecisions through HTTP, {connections} connections, one worker, medians of {rounds} rounds")
    base = results["records nothing"]
    for name, measured in results.items():
        rate, p99 = (statistics.median(column) for column in zip(*measured, strict=True))
        ratio = statistics.median(one[0] / other[0] for one, other in zip(measured, base, strict=True))
        print(f"  {name:16} {rate:8,.0f} /s   p99 {p99:6.1f} ms   {ratio:5.2f} of recording nothing (budget 0.80)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64)
    main(**vars(parser.parse_args()))

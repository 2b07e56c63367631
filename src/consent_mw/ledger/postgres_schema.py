"""The tables of the shared ledger, in a schema of their own; what each holds is told in ``sqlite_schema``."""

from __future__ import annotations

SCHEMA = "consent_ledger"
SCHEMA_VERSION = 1

MIGRATIONS: dict[int, str] = {}
"""Statements that lead from a version to the next one; only the owner of the schema can run them."""

TABLES = """
CREATE SCHEMA IF NOT EXISTS consent_ledger;
CREATE TABLE tree (idx bigint PRIMARY KEY CHECK (idx >= 0), hashes bytea NOT NULL);
CREATE TABLE record (idx bigint PRIMARY KEY, key text NOT NULL UNIQUE, evidence bytea NOT NULL);
CREATE TABLE personal (
  idx bigint PRIMARY KEY, subject text, device text NOT NULL, page text NOT NULL, secret bytea NOT NULL
);
CREATE INDEX personal_subject ON personal (subject) WHERE subject IS NOT NULL;
CREATE TABLE erasure (idx bigint, whole boolean, entry bigint NOT NULL, PRIMARY KEY (idx, whole));
CREATE TABLE text (hash text PRIMARY KEY, body bytea NOT NULL);
CREATE TABLE head (size bigint PRIMARY KEY, note text NOT NULL);
CREATE TABLE meta (name text PRIMARY KEY, value text NOT NULL);

CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$;
CREATE FUNCTION only_erased() RETURNS trigger LANGUAGE plpgsql SET search_path = consent_ledger AS $$
  BEGIN
    IF NOT EXISTS (SELECT 1 FROM erasure WHERE idx = OLD.idx AND (whole OR TG_TABLE_NAME LIKE 'personal%')) THEN
      RAISE EXCEPTION 'no entry says that this row was erased';
    END IF;
    RETURN OLD;
  END $$;
CREATE TRIGGER erased BEFORE DELETE ON record FOR EACH ROW EXECUTE FUNCTION only_erased();
CREATE TRIGGER erased BEFORE DELETE ON personal FOR EACH ROW EXECUTE FUNCTION only_erased();
"""

ALL = ("tree", "record", "personal", "erasure", "text", "head", "meta")
DELETABLE = ("record", "personal")

LOCK = 0x636D774C
"""Key of the advisory lock: the same number that marks the embedded ledger's files."""

_INTO_EACH = """
  INSERT INTO tree SELECT idx, hashes FROM entry
), recorded AS (
  INSERT INTO record SELECT idx, key, evidence FROM entry
), kept AS (
  INSERT INTO personal SELECT idx, subject, device, page, secret FROM entry WHERE secret IS NOT NULL
"""
_ENTRIES = """
  unnest($2::bytea[], $3::text[], $4::bytea[], $5::text[], $6::text[], $7::text[], $8::bytea[]) WITH ORDINALITY
    AS given (hashes, key, evidence, subject, device, page, secret, nth)
"""
"""From the position in ``$1`` on."""

INSERT = f"""
WITH entry AS MATERIALIZED (
  SELECT $1::bigint + nth - 1 AS idx, given.* FROM {_ENTRIES}
), grown AS ({_INTO_EACH})
SELECT
"""  # noqa: S608 - our own parts

EXTEND = f"""
WITH turn AS MATERIALIZED (
  SELECT pg_advisory_xact_lock({LOCK})
), fits AS MATERIALIZED (
  SELECT FROM turn WHERE $1::bigint = (SELECT coalesce(max(idx) + 1, 0) FROM tree)
    AND NOT EXISTS (SELECT FROM record WHERE key = ANY($3::text[]))
), entry AS MATERIALIZED (
  SELECT $1::bigint + nth - 1 AS idx, given.* FROM fits, {_ENTRIES}
), grown AS ({_INTO_EACH})
SELECT FROM fits
"""  # noqa: S608 - our own parts
"""Looks at what was stored before it got the lock; what was stored since is refused by the primary keys. Keys are
looked up because the index of a table that was cut by month knows those of one month only."""

BY_INDEX = "SET enable_seqscan = off"
"""For the appending connection: it plans a statement once, and what was planned for a small ledger would read whole
tables of a large one for as long as the connection lives."""

LOCATE = """
SELECT key, idx FROM record WHERE key = ANY($1)
UNION ALL SELECT NULL, coalesce(max(idx) + 1, 0) FROM tree
"""

READ_ROWS = """
SELECT tree.idx, hashes, key, evidence, subject, device, page, secret
FROM tree
  LEFT JOIN record ON record.idx = tree.idx AND record.idx >= $1 AND record.idx < $2
  LEFT JOIN personal ON personal.idx = tree.idx AND personal.idx >= $1 AND personal.idx < $2
WHERE tree.idx >= $1 AND tree.idx < $2 ORDER BY tree.idx
"""
"""The range is told of each table: PostgreSQL derives none for a joined one, and may then read all of it for a page."""


def script(ledger_id: str) -> str:
    """All statements that make the schema (``ledger_id``: hex digits), for one transaction."""
    guards = [
        f"CREATE TRIGGER no_change BEFORE UPDATE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION append_only();"
        for table in ALL
    ]
    guards += [
        f"CREATE TRIGGER no_delete BEFORE DELETE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION append_only();"
        for table in ALL
        if table not in DELETABLE
    ]
    identity = bytes.fromhex(ledger_id).hex()
    meta = f"INSERT INTO meta VALUES ('id', '{identity}'), ('version', '{SCHEMA_VERSION}');"  # noqa: S608
    return "\n".join([TABLES, *guards, meta])


def grants(role: str) -> str:
    """Statements that let an application's role append, erase and read, and nothing else (run by the owner).

    The role must not own the schema: an owner could drop the triggers. ``role`` is a plain identifier.
    """
    if not role.replace("_", "").isalnum():
        raise ValueError(f"{role!r} is no plain identifier")
    return "\n".join(
        [
            f"GRANT USAGE ON SCHEMA {SCHEMA} TO {role};",
            f"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA {SCHEMA} TO {role};",
            *(f"GRANT DELETE ON {SCHEMA}.{table} TO {role};" for table in DELETABLE),
        ]
    )

"""The tables of the embedded ledger, and what makes a file one.

========  ======================================================  =====================================
table     holds                                                   may be deleted
========  ======================================================  =====================================
tree      per entry, its leaf hash and the subtrees it completes  never
record    per entry, the evidence                                 once an entry says that it was purged
personal  per entry, the personal half and its key                once an entry says that it was erased
erasure   which entry took back what                              never
text      the exact words shown, by hash                          never
head      signed tree heads                                       never
meta      the ledger's own id                                     never
========  ======================================================  =====================================

Nothing may be updated. Triggers hold our own code and the casual hand to that; who can drop a trigger is
found by the tree.
"""

from __future__ import annotations

APPLICATION_ID = 0x636D774C
"""``cmwL``, in the file header at offset 68."""

SCHEMA_VERSION = 1
"""``PRAGMA user_version``, in the file header at offset 60."""

MIGRATIONS: dict[int, str] = {}
"""Statements that lead from a version to the next one. A new version changes nothing that the tree covers."""

TABLES = """
CREATE TABLE tree (idx INTEGER PRIMARY KEY, hashes BLOB NOT NULL);
CREATE TABLE record (idx INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, evidence BLOB NOT NULL);
CREATE TABLE personal (
  idx INTEGER PRIMARY KEY, subject TEXT, device TEXT NOT NULL, page TEXT NOT NULL, secret BLOB NOT NULL
);
CREATE INDEX personal_subject ON personal (subject) WHERE subject IS NOT NULL;
CREATE TABLE erasure (
  idx INTEGER NOT NULL, whole INTEGER NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY (idx, whole)
) WITHOUT ROWID;
CREATE TABLE text (hash TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE head (size INTEGER PRIMARY KEY, note TEXT NOT NULL);
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TRIGGER tree_grows_at_its_end BEFORE INSERT ON tree
  WHEN NEW.idx <> coalesce((SELECT max(idx) + 1 FROM tree), 0)
  BEGIN SELECT raise(ABORT, 'an entry belongs at the end'); END;
CREATE TRIGGER record_once BEFORE INSERT ON record WHEN EXISTS (SELECT 1 FROM record WHERE idx = NEW.idx)
  BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER personal_once BEFORE INSERT ON personal
  WHEN EXISTS (SELECT 1 FROM personal WHERE idx = NEW.idx)
  BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER record_purged BEFORE DELETE ON record
  WHEN NOT EXISTS (SELECT 1 FROM erasure WHERE idx = OLD.idx AND whole = 1)
  BEGIN SELECT raise(ABORT, 'no entry says that this record was purged'); END;
CREATE TRIGGER personal_erased BEFORE DELETE ON personal
  WHEN NOT EXISTS (SELECT 1 FROM erasure WHERE idx = OLD.idx)
  BEGIN SELECT raise(ABORT, 'no entry says that this record was erased'); END;
"""

# Casts, because who tampers may also change a value's type.
READ_ROWS = """
SELECT tree.idx, CAST(hashes AS BLOB), CAST(key AS TEXT), CAST(evidence AS BLOB),
  CAST(subject AS TEXT), CAST(device AS TEXT), CAST(page AS TEXT), CAST(secret AS BLOB)
FROM tree LEFT JOIN record USING (idx) LEFT JOIN personal USING (idx)
WHERE tree.idx >= ? AND tree.idx < ? ORDER BY tree.idx
"""

LOCATE = """
SELECT key, idx FROM record WHERE key IN (SELECT value FROM json_each(?))
UNION ALL SELECT NULL, coalesce(max(idx) + 1, 0) FROM tree
"""

ENTRY_VIEW = """
PRAGMA temp_store = MEMORY;
CREATE TEMP VIEW entry AS
  SELECT idx, hashes, key, evidence, subject, device, page, secret
  FROM tree JOIN record USING (idx) JOIN personal USING (idx);
CREATE TEMP TRIGGER entry_appended INSTEAD OF INSERT ON entry BEGIN
  INSERT INTO tree VALUES (NEW.idx, NEW.hashes);
  INSERT INTO record VALUES (NEW.idx, NEW.key, NEW.evidence);
  INSERT INTO personal
    SELECT NEW.idx, NEW.subject, NEW.device, NEW.page, NEW.secret WHERE NEW.secret IS NOT NULL;
END;
"""
"""The three tables of an entry as one, told to each connection: a batch is then a single statement."""

_NEVER_UPDATED = ("tree", "record", "personal", "erasure", "text", "head", "meta")
_NEVER_DELETED = ("tree", "erasure", "text", "head", "meta")


def script(ledger_id: str) -> str:
    """All statements that make an empty database a ledger (``ledger_id``: hex digits)."""
    guards = [f"{table}_not_updated BEFORE UPDATE ON {table}" for table in _NEVER_UPDATED]
    guards += [f"{table}_not_deleted BEFORE DELETE ON {table}" for table in _NEVER_DELETED]
    triggers = (
        f"CREATE TRIGGER {guard} BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;" for guard in guards
    )
    return "\n".join(
        [
            f"PRAGMA application_id = {APPLICATION_ID};",
            f"PRAGMA user_version = {SCHEMA_VERSION};",
            TABLES,
            *triggers,
            f"INSERT INTO meta VALUES ('id', '{bytes.fromhex(ledger_id).hex()}');",  # noqa: S608 - hex digits
        ]
    )

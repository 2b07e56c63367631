-- Cuts the ledger's large tables by month. Run once as the owner, then call it at the start of each month:
--   SELECT consent_ledger.begin_month('2026_12');
-- and run the grants for the application's role again. Records stay where they are; new ones go into the new month.
CREATE OR REPLACE FUNCTION consent_ledger.begin_month(month text) RETURNS bigint
LANGUAGE plpgsql SET search_path = consent_ledger SET client_min_messages = warning AS $$
DECLARE
  cut bigint;
  open_part record;
  name text;
BEGIN
  PERFORM pg_advisory_xact_lock(1668118348);  -- the writers' own lock: nobody appends meanwhile
  SELECT coalesce(max(idx) + 1, 0) INTO cut FROM tree;
  FOREACH name IN ARRAY ARRAY['tree', 'record', 'personal'] LOOP
    SELECT inhrelid::regclass AS part, substring(pg_get_expr(relpartbound, oid) FROM 'FROM \((.*?)\)') AS low
      INTO open_part
      FROM pg_inherits JOIN pg_class ON oid = inhrelid
      WHERE inhparent = name::regclass AND pg_get_expr(relpartbound, oid) LIKE '%TO (MAXVALUE)';
    IF open_part IS NULL THEN
      EXECUTE format('ALTER TABLE %I RENAME TO %I', name, name || '_before');
      EXECUTE format('DROP TRIGGER IF EXISTS erased ON %I', name || '_before');
      EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING CONSTRAINTS) PARTITION BY RANGE (idx)', name, name || '_before');
      EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (idx)', name);
      EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%s)', name, name || '_before', cut);
      EXECUTE format('CREATE TRIGGER no_change BEFORE UPDATE OR TRUNCATE ON %I
        FOR EACH STATEMENT EXECUTE FUNCTION append_only()', name);
      IF name = 'tree' THEN
        CREATE TRIGGER no_delete BEFORE DELETE ON tree FOR EACH STATEMENT EXECUTE FUNCTION append_only();
      ELSE
        EXECUTE format('CREATE TRIGGER erased BEFORE DELETE ON %I FOR EACH ROW EXECUTE FUNCTION only_erased()', name);
      END IF;
    ELSE
      EXECUTE format('ALTER TABLE %I DETACH PARTITION %s', name, open_part.part);
      EXECUTE format('ALTER TABLE %I ATTACH PARTITION %s FOR VALUES FROM (%s) TO (%s)', name, open_part.part, open_part.low, cut);
    END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%s) TO (MAXVALUE)', name || '_' || month, name, cut);
  END LOOP;
  CREATE INDEX IF NOT EXISTS record_by_key ON record (key);
  CREATE INDEX IF NOT EXISTS personal_by_subject ON personal (subject) WHERE subject IS NOT NULL;
  RETURN cut;
END $$;

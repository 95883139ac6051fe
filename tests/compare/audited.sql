-- What people build on PostgreSQL where they would need a ledger: a log filled by row triggers, each entry hashed
-- together with the one before. There is one chain, so writers wait for each other until commit, or they would fork it.
CREATE EXTENSION pgcrypto;
CREATE TABLE audit_log (
  seq bigserial PRIMARY KEY, ts timestamptz NOT NULL DEFAULT now(), txid bigint NOT NULL DEFAULT txid_current(),
  tbl text NOT NULL, op "char" NOT NULL, old_row jsonb, new_row jsonb, prev bytea NOT NULL, hash bytea NOT NULL
);
CREATE TABLE audit_head (one int PRIMARY KEY DEFAULT 1, seq bigint NOT NULL, hash bytea NOT NULL);
INSERT INTO audit_head VALUES (1, 0, '\x00');
CREATE FUNCTION audit_row() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  h bytea;
  p bytea;
  o jsonb;
  n jsonb;
BEGIN
  IF TG_OP <> 'INSERT' THEN o := to_jsonb(OLD); END IF;
  IF TG_OP <> 'DELETE' THEN n := to_jsonb(NEW); END IF;
  SELECT hash INTO p FROM audit_head WHERE one = 1 FOR UPDATE;
  h := digest(p || convert_to(TG_TABLE_NAME || TG_OP || coalesce(o::text, '') || coalesce(n::text, ''), 'UTF8'), 'sha256');
  INSERT INTO audit_log (tbl, op, old_row, new_row, prev, hash)
    VALUES (TG_TABLE_NAME, left(TG_OP, 1)::"char", o, n, p, h);
  UPDATE audit_head SET hash = h, seq = seq + 1 WHERE one = 1;
  RETURN NULL;
END $$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON pgbench_accounts FOR EACH ROW EXECUTE FUNCTION audit_row();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON pgbench_tellers FOR EACH ROW EXECUTE FUNCTION audit_row();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON pgbench_branches FOR EACH ROW EXECUTE FUNCTION audit_row();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON pgbench_history FOR EACH ROW EXECUTE FUNCTION audit_row();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON inserted FOR EACH ROW EXECUTE FUNCTION audit_row();

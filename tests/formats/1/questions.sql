SELECT * FROM account ORDER BY id
SELECT * FROM posting ORDER BY id
SELECT * FROM kinds ORDER BY k, n
SELECT * FROM ticket ORDER BY number
SELECT * FROM archive.log ORDER BY line
SELECT * FROM emptied ORDER BY i
SELECT * FROM keyed ORDER BY a
SELECT * FROM rich
SELECT count(*), md5(string_agg(filling, ',' ORDER BY id)) FROM large
SELECT id, amount FROM posting WHERE account = 1 ORDER BY amount DESC
SELECT id FROM account WHERE lower(holder) = 'ada l.' AND balance > 0
SELECT * FROM account AS OF TX 7 ORDER BY id
SELECT * FROM account AS OF TX 10 ORDER BY id
SELECT * FROM entry AS OF TX 10 ORDER BY id
SELECT * FROM account AS OF TX 16 ORDER BY id
SELECT * FROM account AS OF TX 24 ORDER BY id
SELECT * FROM kinds AS OF TX 12 ORDER BY k, n
SELECT * FROM dropped AS OF TX 46
SELECT * FROM emptied AS OF TX 38 ORDER BY i
SELECT id, filling FROM large AS OF TX 51 WHERE id = 80
SELECT id, filling FROM large WHERE id = 80
SELECT id, amount FROM entry AS OF TX 15 WHERE account = 1 ORDER BY amount DESC
SELECT *, _tx, _tx_end, _op, _user FROM account FOR SYSTEM_TIME ALL ORDER BY id, _tx
SELECT * FROM ticket FOR SYSTEM_TIME ALL ORDER BY number, _tx
SELECT number, _tx, _op FROM ledger.history('ticket', 11)
SELECT * FROM ledger.history('emptied') ORDER BY 1, 2, 3
SELECT * FROM ledger.history('dropped')
SELECT * FROM ledger.diff('account', 6, 30)
SELECT * FROM ledger.transactions ORDER BY tx_id
SELECT tx_id, op, old, new FROM ledger.changes(6, 12)
SELECT size FROM ledger.checkpoints
SELECT * FROM ledger.keys
SELECT ledger.checkpoint()
SELECT rolname, rolsuper, rolcanlogin, rolconnlimit FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY rolname
SELECT pg_has_role('ada', 'clerks', 'member'), has_table_privilege('ada', 'posting', 'SELECT'), has_table_privilege('ada', 'account', 'SELECT'), has_table_privilege('auditor', 'archive.log', 'SELECT WITH GRANT OPTION')
SELECT attrelid::regclass, attname, atttypid::regtype, attnotnull FROM pg_attribute WHERE attrelid::regclass::text IN ('account', 'posting', 'kinds', 'keyed') AND attnum > 0 AND NOT attisdropped ORDER BY attrelid::regclass::text, attnum
SELECT relname, indisunique, indisprimary, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE indrelid >= 16384 ORDER BY relname
SELECT conname, contype FROM pg_constraint ORDER BY conname
SELECT obj_description('posting'::regclass)

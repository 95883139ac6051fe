-- Without these PostgreSQL takes minutes for queries 17 and 20.
CREATE INDEX l_partkey_idx ON lineitem (l_partkey);
CREATE INDEX l_suppkey_idx ON lineitem (l_suppkey);
CREATE INDEX o_custkey_idx ON orders (o_custkey);
CREATE INDEX ps_suppkey_idx ON partsupp (ps_suppkey);
CREATE INDEX c_nationkey_idx ON customer (c_nationkey);
CREATE INDEX s_nationkey_idx ON supplier (s_nationkey);

// node-postgres, with its pool. Argument: a connection string. Prints what the test compares with expected.txt.
const assert = require("node:assert");
const { Pool } = require("pg");

const options = Object.fromEntries(process.argv[2].split(" ").map((pair) => pair.split("=")));
const pool = new Pool({ host: options.host, port: options.port, user: options.user, database: options.dbname, max: 3 });

async function main() {
  await pool.query("CREATE TABLE account (id int PRIMARY KEY, owner text NOT NULL, balance numeric(12,2), opened date)");
  const insert = "INSERT INTO account VALUES ($1, $2, $3, $4)";
  await pool.query(insert, [1, "Ada", "100.50", "2026-01-31"]);
  await pool.query({ name: "insert", text: insert, values: [2, "Bob", null, "2026-01-31"] });
  const { rows } = await pool.query("SELECT id, owner, balance, opened::text FROM account WHERE id = ANY($1) ORDER BY id", [[1, 2]]);
  assert.deepStrictEqual(rows, [
    { id: 1, owner: "Ada", balance: "100.50", opened: "2026-01-31" },
    { id: 2, owner: "Bob", balance: null, opened: "2026-01-31" },
  ]);
  console.log("rows", rows.length);

  const value = async (text, values) => Object.values((await pool.query({ text, values })).rows[0])[0];
  const before = await value("SELECT max(tx_id) FROM ledger.transactions");
  const client = await pool.connect();
  await client.query("BEGIN");
  await client.query("UPDATE account SET balance = 0");
  await client.query("SAVEPOINT s");
  await client.query("DELETE FROM account");
  await client.query("ROLLBACK");
  client.release();
  console.log("after rollback", await value("SELECT sum(balance) FROM account"));

  await pool.query("UPDATE account SET balance = balance - $1 WHERE id = $2", ["30.50", 1]);
  const now = await value("SELECT balance FROM account WHERE id = $1", [1]);
  const then = await value("SELECT balance FROM account AS OF TX $1 WHERE id = $2", [before, 1]);
  console.log("now", now, "then", then);

  await assert.rejects(pool.query("INSERT INTO account VALUES ($1, $2)", [1, "Eve"]), (error) => {
    console.log("refused", error.code, error.constraint);
    return true;
  });

  // No COPY in the driver itself: many statements in one string, then all at once.
  await pool.query(Array.from({ length: 10 }, (_, n) => `INSERT INTO account (id, owner) VALUES (${10 + n}, 'row')`).join(";"));
  console.log("sum", Number(await value("SELECT sum(id) FROM account")));
  const sums = await Promise.all([0, 1, 2].map((number) => value("SELECT $1::int4 + 1", [number])));
  console.log("pipeline", JSON.stringify(sums).replaceAll(",", ", "));
  await pool.end();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

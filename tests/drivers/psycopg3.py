"""psycopg 3. Argument: a connection string. Prints what the test compares with expected.txt."""
import datetime, decimal, sys
import psycopg

with psycopg.connect(sys.argv[1], autocommit=True) as db:
    db.execute("CREATE TABLE account (id int PRIMARY KEY, owner text NOT NULL, balance numeric(12,2), opened date)")
    opened = datetime.date(2026, 1, 31)
    with db.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO account VALUES (%s, %s, %s, %s)",
            [(1, "Ada", decimal.Decimal("100.50"), opened), (2, "Bob", None, opened)],
        )
    for binary in False, True:
        row = db.execute("SELECT * FROM account WHERE id = ANY(%s) ORDER BY id", [[1, 2]], binary=binary).fetchall()
        assert row == [(1, "Ada", decimal.Decimal("100.50"), opened), (2, "Bob", None, opened)], row
    print("rows 2")

    (before,) = db.execute("SELECT max(tx_id) FROM ledger.transactions").fetchone()
    try:
        with db.transaction():
            db.execute("UPDATE account SET balance = 0")
            with db.transaction():
                db.execute("DELETE FROM account")
            raise LookupError
    except LookupError:
        pass
    print("after rollback", db.execute("SELECT count(*), sum(balance) FROM account").fetchone()[1])

    with db.transaction():
        db.execute("UPDATE account SET balance = balance - %s WHERE id = %s", (decimal.Decimal("30.50"), 1))
    now = db.execute("SELECT balance FROM account WHERE id = %s", (1,)).fetchone()[0]
    then = db.execute("SELECT balance FROM account AS OF TX %s WHERE id = %s", (before, 1)).fetchone()[0]
    print("now", now, "then", then)

    try:
        db.execute("INSERT INTO account VALUES (%s, %s)", (1, "Eve"))
    except psycopg.errors.UniqueViolation as error:
        print("refused", error.sqlstate, error.diag.constraint_name)

    with db.cursor().copy("COPY account (id, owner) FROM STDIN") as copy:
        for number in range(10, 20):
            copy.write_row((number, f"row {number}"))
    with db.transaction(), db.cursor(name="some") as cursor:
        cursor.itersize = 3
        cursor.execute("SELECT id FROM account ORDER BY id")
        print("sum", sum(number for (number,) in cursor))

    db.prepare_threshold = 0
    with db.pipeline():
        results = [db.execute("SELECT %s::int8 + 1", (number,)) for number in range(3)]
        print("pipeline", [result.fetchone()[0] for result in results])

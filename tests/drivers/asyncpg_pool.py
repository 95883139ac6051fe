"""asyncpg, with its pool. Argument: a connection string. Prints what the test compares with expected.txt."""
import asyncio, datetime, decimal, sys, uuid
import asyncpg


async def main():
    options = dict(pair.split("=") for pair in sys.argv[1].split())
    pool = await asyncpg.create_pool(
        host=options["host"], port=options["port"], user=options["user"], database=options["dbname"], min_size=2, max_size=4
    )
    opened = datetime.date(2026, 1, 31)
    async with pool.acquire() as db:
        await db.execute(
            "CREATE TABLE account (id int PRIMARY KEY, owner text NOT NULL, balance numeric(12,2), opened date, "
            "tags text[], token uuid, data jsonb, seen timestamptz, took interval, raw bytea)"
        )
        rich = (
            ["a", None, 'quo"ted'], uuid.UUID(int=7), '{"a": [1, 2]}',
            datetime.datetime(2026, 1, 31, 12, 30, tzinfo=datetime.timezone.utc), datetime.timedelta(days=1, hours=2), b"\x00\xff",
        )
        await db.executemany(
            "INSERT INTO account VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            [(1, "Ada", decimal.Decimal("100.50"), opened, *rich), (2, "Bob", None, opened, *[None] * 6)],
        )
        rows = await db.fetch("SELECT * FROM account WHERE id = ANY($1) ORDER BY id", [1, 2])
        assert tuple(rows[0]) == (1, "Ada", decimal.Decimal("100.50"), opened, *rich), rows[0]
        print("rows", len(rows))

    # Another connection: the first was reset when it went back.
    async with pool.acquire() as db:
        before = await db.fetchval("SELECT max(tx_id) FROM ledger.transactions")
        try:
            async with db.transaction():
                await db.execute("UPDATE account SET balance = 0")
                async with db.transaction():
                    await db.execute("DELETE FROM account")
                raise LookupError
        except LookupError:
            pass
        print("after rollback", await db.fetchval("SELECT sum(balance) FROM account"))

        async with db.transaction():
            await db.execute("UPDATE account SET balance = balance - $1 WHERE id = $2", decimal.Decimal("30.50"), 1)
        now = await db.fetchval("SELECT balance FROM account WHERE id = $1", 1)
        then = await db.fetchval("SELECT balance FROM account AS OF TX $1 WHERE id = $2", before, 1)
        print("now", now, "then", then)

        try:
            await db.execute("INSERT INTO account (id, owner) VALUES ($1, $2)", 1, "Eve")
        except asyncpg.UniqueViolationError as error:
            print("refused", error.sqlstate, error.constraint_name)

        await db.copy_to_table("account", source=rows_as_text(), columns=["id", "owner"], format="text")
        total = 0
        async with db.transaction():
            async for record in db.cursor("SELECT id FROM account ORDER BY id", prefetch=3):
                total += record["id"]
        print("sum", total)

        statement = await db.prepare("SELECT $1::int8 + 1")
        print("pipeline", [await statement.fetchval(number) for number in range(3)])
    await pool.close()


async def rows_as_text():
    for number in range(10, 20):
        yield f"{number}\trow {number}\n".encode()


asyncio.run(main())

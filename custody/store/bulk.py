"""Many rows at once, by the fastest way of each database: what a trade costs is mostly this."""

from collections.abc import Sequence

from psycopg import Connection as PgConnection
from psycopg import sql
from sqlalchemy import Connection, Table, insert

Row = tuple[int | str | bytes, ...]


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows that have a value for every column, in the table's order; amounts as text."""
    if not rows:
        return
    driver = connection.connection.driver_connection
    if not isinstance(driver, PgConnection):
        statement = insert(table).compile(dialect=connection.dialect)
        connection.exec_driver_sql(str(statement), list(rows))
        return
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
    query = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), columns)
    with driver.cursor() as cursor, cursor.copy(query) as copy:
        for row in rows:
            copy.write_row(row)

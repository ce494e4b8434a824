"""The rows at the source, made once for each count; the backlog, written once a workload; the slots to read it by."""

import subprocess
import time
import zlib

import psycopg2
import psycopg2.errors
import psycopg2.extensions
import psycopg2.extras

from bench.settings import BENCHMARKS, say, step

# What peers read; Wherry makes one of its own.
PUBLICATION = "bench"

# Otherwise Ctrl-C waits for the end of a statement.
psycopg2.extensions.set_wait_callback(psycopg2.extras.wait_select)


def connect(uri):
    connection = psycopg2.connect(uri)
    connection.autocommit = True
    return connection


def query(source, statement, values=None):
    """All rows of the answer."""
    connection = connect(source)
    try:
        cursor = connection.cursor()
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def value(source, statement, values=None):
    return query(source, statement, values)[0][0]


def prepare(servers, kind, rows):
    """A fresh database `bench` with the tables of KIND.sql, copied from one that is made once for each number of rows.
    Returns its address."""
    drop_slots(servers)
    made = template(kind, rows)
    admin = connect(servers.postgres)
    cursor = admin.cursor()
    cursor.execute("drop database if exists bench with (force)")
    # Finished only when it is a template: a run that was killed while making it leaves an ordinary database.
    cursor.execute("select datistemplate from pg_database where datname = %s", (made,))
    found = cursor.fetchone()
    if not found or not found[0]:
        with step(f"making {rows:,} rows of {kind}.sql, once"):
            cursor.execute(f"drop database if exists {made} with (force)")
            cursor.execute(f"create database {made}")
            subprocess.check_call(
                ["psql", "-X", "-q", "-v", f"rows={rows}", "-f", BENCHMARKS / f"{kind}.sql", servers.source(made)])
            cursor.execute(f"alter database {made} is_template true")
    with step("copying the source's rows"):
        cursor.execute(f"create database bench template {made} strategy file_copy")
    admin.close()
    source = servers.source("bench")
    query(source, f"create publication {PUBLICATION} for all tables")
    return source


def template(kind, rows):
    return f"{kind}_{rows}_{zlib.crc32((BENCHMARKS / f'{kind}.sql').read_bytes()):08x}"


def forget_rows(servers, kind, rows):
    """They take room."""
    admin = connect(servers.postgres)
    admin.cursor().execute(f"alter database {template(kind, rows)} is_template false")
    admin.cursor().execute(f"drop database {template(kind, rows)}")
    admin.close()


def write_backlog(source, churn):
    """Writes the changes, and the sentinel behind them; returns the position of the end."""
    query(source, churn)
    query(source, "call add_sentinel()")
    query(source, "checkpoint")
    return value(source, "select pg_current_wal_lsn()")


def make_origin(source, plugin):
    """A slot from which those of each run are copied."""
    query(source, "select pg_create_logical_replication_slot(%s, %s)", (f"origin_{plugin}", plugin))


def copy_slot(source, origin, name):
    """A slot at the origin's position, in place of the one of an earlier run."""
    drop_slot(source, name)
    query(source, "select pg_copy_logical_replication_slot(%s, %s)", (origin, name))


def drop_slot(source, name):
    """Also when its reader is about to leave."""
    deadline = time.monotonic() + 30
    while True:
        slots = query(source, "select active_pid from pg_replication_slots where slot_name = %s", (name,))
        if not slots:
            return
        try:
            query(source, "select pg_terminate_backend(%s)", slots[0])
            query(source, "select pg_drop_replication_slot(%s)", (name,))
        except psycopg2.errors.ObjectInUse:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def drop_slots(servers):
    found = query(servers.postgres, "select slot_name from pg_replication_slots where database = 'bench'")
    for (name,) in found:
        drop_slot(servers.source("bench"), name)


def held_wal(source):
    return value(source, "select pg_size_pretty(max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn))) "
                         "from pg_replication_slots")


def pgbench_words(servers, source, script, rate, seconds, **variables):
    """The words of a load at a fixed rate."""
    settings = [word for name, number in variables.items() for word in ("-D", f"{name}={number}")]
    times = ["-R", rate, "-c", "4", "-T", seconds]
    return [f"{servers.programs}/pgbench", "-n", "-M", "prepared", *times, *settings, "-f", BENCHMARKS / script, source]


def warn_of_rows(rows, changes):
    if changes / 10 > rows / 2:
        say(f"{changes:,} changes delete more than half of {rows:,} rows; some will hit nothing")

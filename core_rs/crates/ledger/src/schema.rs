//! Opening a ledger file: pragmas and forward-only migrations.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::error::OpenError;

/// Marks the file as ours; `DSCG` in ASCII.
const APPLICATION_ID: i64 = 0x4453_4347;
/// Each brings a file from one schema to the next; never changed once released.
const MIGRATIONS: [&str; 9] = [
    include_str!("../migrations/0001_ledger.sql"),
    include_str!("../migrations/0002_feed.sql"),
    include_str!("../migrations/0003_life.sql"),
    include_str!("../migrations/0004_streams.sql"),
    include_str!("../migrations/0005_signers.sql"),
    include_str!("../migrations/0006_quarantine.sql"),
    include_str!("../migrations/0007_position_trail.sql"),
    include_str!("../migrations/0008_positions.sql"),
    include_str!("../migrations/0009_activity.sql"),
];
/// Another process may hold the file for a batch or a checkpoint.
const BUSY_TIMEOUT_MS: u32 = 10_000;
/// Prepared statements that a connection keeps; all that the ledger has, with room.
const STATEMENTS_KEPT: usize = 128;

/// Opens or creates the file for writing, with every migration applied.
pub(crate) fn open_writer(path: &Path, new_ledger_id: &str) -> Result<Connection, OpenError> {
    let mut connection = Connection::open(path).map_err(|source| unusable(path, source))?;
    prepare(&connection, path)?;
    // Before anything is written: choosing the journal's mode writes into the file.
    let glance = connection.transaction().map_err(|source| unusable(path, source))?;
    schema_of(&glance, path)?;
    drop(glance);
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;",
        )
        .map_err(|source| unusable(path, source))?;
    migrate(&mut connection, path, new_ledger_id)?;
    Ok(connection)
}

/// Opens an existing file for reading.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|source| unusable(path, source))?;
    prepare(&connection, path)?;
    Ok(connection)
}

/// Opens an existing file to copy its log back.
pub(crate) fn open_checkpointer(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|source| unusable(path, source))?;
    prepare(&connection, path)?;
    Ok(connection)
}

fn prepare(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    connection
        .execute_batch(&format!(
            "PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}; PRAGMA foreign_keys = ON;
             PRAGMA trusted_schema = OFF;"
        ))
        .map_err(|source| unusable(path, source))?;
    // The bundled SQLite looks at bound values when it plans, so that it would plan a statement anew
    // on every use; our plans depend on no value.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map(|_| ())
        .map_err(|source| unusable(path, source))
}

fn migrate(connection: &mut Connection, path: &Path, new_ledger_id: &str) -> Result<(), OpenError> {
    let fail = |source| unusable(path, source);
    // One process migrates; a second one waits and then finds nothing to do.
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
    let found = schema_of(&transaction, path)?;
    if found == newest_schema() {
        // Nothing is written, so that a start needs no room on the disk.
        return Ok(());
    }
    for (migration, number) in MIGRATIONS.iter().zip(1_i64..) {
        if number > found {
            transaction.execute_batch(migration).map_err(fail)?;
        }
    }
    if found == 0 {
        transaction
            .execute("INSERT INTO ledger VALUES (1, ?1, 0, 0)", [new_ledger_id])
            .map_err(fail)?;
    }
    transaction
        .execute_batch(&format!(
            "PRAGMA user_version = {}; PRAGMA application_id = {APPLICATION_ID};",
            newest_schema()
        ))
        .map_err(fail)?;
    transaction.commit().map_err(fail)
}

/// The schema that a file has, 0 when it is new.
fn schema_of(connection: &Connection, path: &Path) -> Result<i64, OpenError> {
    let number = |name: &str| {
        connection
            .query_row(name, [], |row| row.get::<_, i64>(0))
            .map_err(|source| unusable(path, source))
    };
    let found = number("PRAGMA user_version")?;
    let application = number("PRAGMA application_id")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let ours = application == APPLICATION_ID || (application == 0 && found == 0 && tables == 0);
    if !ours {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    let known = newest_schema();
    if found > known {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    Ok(found)
}

fn newest_schema() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

fn unusable(path: &Path, source: rusqlite::Error) -> OpenError {
    match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => OpenError::Foreign { path: path.to_owned() },
        Some(rusqlite::ErrorCode::DatabaseCorrupt) => {
            OpenError::Damaged { path: path.to_owned(), source }
        }
        _ => OpenError::Unusable { path: path.to_owned(), source },
    }
}

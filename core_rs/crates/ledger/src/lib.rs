//! Licenses, balances and movements: the pure state machine and its SQLite store.

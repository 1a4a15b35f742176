//! From request bytes to answer bytes.

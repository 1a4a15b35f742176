//! Receipts and codes: what makes an answer provable.

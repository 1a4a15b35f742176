//! Signatures and certificates: who signed, or why we will not believe it.

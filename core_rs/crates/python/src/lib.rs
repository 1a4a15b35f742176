//! The seam to Python: bytes in, bytes out.

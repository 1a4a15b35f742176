"""Calls that stay open: each bounded in memory, and ended with a reason."""

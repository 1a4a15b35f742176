"""Speaks gRPC: one file per service, one table from reasons to statuses."""

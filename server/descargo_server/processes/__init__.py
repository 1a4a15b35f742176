"""Several server processes for one port and one ledger: a parent starts them and passes word on.

What they share is the ledger's file and nothing else, so whatever is counted in memory is counted
by each for itself; docs/operations.md lists it.
"""

"""Generated messages and gRPC code of the contract `descargo.v1`, one module for each .proto file.

Everything else in this folder is written by `scripts/gen.py`.
"""

"""The command line `descargo`, for agencies, lanes, brokers and auditors."""

from descargo_client.cli.main import main

__all__ = ["main"]

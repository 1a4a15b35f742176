"""`python -m descargo_client` is the command `descargo`."""

from descargo_client.cli.main import run

if __name__ == "__main__":
    run()

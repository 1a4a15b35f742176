"""Locust scenarios: whole populations of callers, good and bad, against one validator."""

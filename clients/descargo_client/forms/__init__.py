"""Turns what people write, JSON lines or CSV, into submissions and declarations.

Structure is checked here, all of it at once and with its place; what the law asks is the server's
to say.
"""

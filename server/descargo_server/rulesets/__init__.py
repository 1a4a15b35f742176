"""The sample ruleset that ships with the server, one file per agency, with its cases.

`ruleset.schema.json` is the JSON Schema of a file of rules: editors check and complete with it.
"""

"""The dated catalogues that ship with the server, and the importer that makes newer ones.

`instruments.toml` says what differs between instruments; `tariff-*.tsv.gz` holds the facts of the
tariff, units, countries, regimes, customs offices and broker licenses. The core reads both.
"""

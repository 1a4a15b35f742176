"""The dated catalogues that ship with the server, and the importer that makes newer ones.

`instruments.toml` says what differs between instruments; `tariff-*.tsv.gz` holds the facts of the
tariff, units, countries, regimes, customs offices and broker licenses. The core reads both.

The shipped catalogue was imported from the official SAT catalogues in the form in which
phpcfdi/resources-sat-catalogs puts them into the public domain (Unlicense). Their dates are those
of the SAT's catalogues, so most rows begin with the catalogue itself, in 2024, and not with the
law.
"""

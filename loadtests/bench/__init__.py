"""`make bench`: what a call costs beside an empty handler, and what the core costs by itself.

`stage` puts up a validator and an empty server of the same shape, `clients` drives load-client
processes against them, `measure` takes the rounds, `core` runs the Rust part, `report` turns
samples into rows and bars, `table` prints them. No figure is asserted anywhere: a bench tells.
"""

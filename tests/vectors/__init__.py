"""Cases as data, and what reads them."""

"""descargo.toml: read, checked as a whole, and turned into the core's settings."""

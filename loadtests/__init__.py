"""Load and speed: what the validator costs, measured from outside and inside."""

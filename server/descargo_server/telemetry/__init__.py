"""What operators see: JSON logs and Prometheus counters."""

"""What to ask Prometheus and Loki about these alerts, and asking it: `discovery`, `plan`, `read`."""

"""What nobody tells us: alerts that never arrive, resolves that were lost, a Watchdog that falls silent."""

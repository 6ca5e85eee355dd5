"""From stored alerts to incidents. `joining` decides, `incidents` writes it down."""

"""Who is told what, when, and how often it is tried."""

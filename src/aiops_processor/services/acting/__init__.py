"""Doing something about an incident: `actions` decides, `doing` does."""

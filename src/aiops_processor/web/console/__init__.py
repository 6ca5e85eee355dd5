"""The pages: incidents, and one incident with its evidence. `view` says what they show."""

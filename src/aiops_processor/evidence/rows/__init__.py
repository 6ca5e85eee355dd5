"""Raw samples as comparable rows: one for each measure of each entity, on one grid of time."""

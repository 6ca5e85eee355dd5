"""From an incident to its analysis: `analysis` has the steps, `analyzer` what each of them does."""

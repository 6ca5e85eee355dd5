"""Out of what models really answer, an analysis in its shape. Begin with `answers`."""

"""What a model may say: every sentence is held against the evidence, in code. Begin with `verify`."""

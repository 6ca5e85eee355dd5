"""What a model may look at by itself before it answers: read-only, few, small, and recorded."""

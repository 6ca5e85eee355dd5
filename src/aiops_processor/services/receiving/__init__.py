"""What is posted to us is judged, and stored before we answer."""

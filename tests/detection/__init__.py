"""Laws of what stands between a score and an alert."""

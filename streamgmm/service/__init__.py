"""The service: loops, state on disk, metrics and HTTP around the detector."""

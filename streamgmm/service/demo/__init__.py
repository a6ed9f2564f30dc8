"""Demonstrations: real connections once through the pipeline, or generated flows without an end."""

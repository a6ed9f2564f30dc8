"""What `benchmarks/quality.py` is made of: protocol, detectors, kept results, tables, plot."""

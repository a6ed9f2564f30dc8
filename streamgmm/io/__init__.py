"""Sources and sinks: files, Kafka, generated events. Knows events, no model."""

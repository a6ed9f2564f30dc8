"""One typed configuration for a whole job, read from TOML and the environment."""

from streamgmm.config.job import Config
from streamgmm.config.load import load, load_preset, loads, preset_names
from streamgmm.config.rules import Secret
from streamgmm.config.sections import (
    Alerts,
    Events,
    FileInput,
    FileOutput,
    KafkaInput,
    KafkaOutput,
    Model,
    Security,
    Service,
)

__all__ = [
    "Alerts",
    "Config",
    "Events",
    "FileInput",
    "FileOutput",
    "KafkaInput",
    "KafkaOutput",
    "Model",
    "Secret",
    "Security",
    "Service",
    "load",
    "load_preset",
    "loads",
    "preset_names",
]

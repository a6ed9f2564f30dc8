"""One typed configuration for a whole job, read from TOML and the environment."""

from streamgmm.config.job import Config
from streamgmm.config.load import load, load_preset, loads, preset_names
from streamgmm.config.rules import Secret
from streamgmm.config.secrets import secret_of
from streamgmm.config.sections import Alerts, Events, Model, Service
from streamgmm.config.security import Security
from streamgmm.config.sinks import FileOutput, KafkaOutput
from streamgmm.config.sources import FileInput, KafkaInput
from streamgmm.config.telemetry import Telemetry

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
    "Telemetry",
    "load",
    "load_preset",
    "loads",
    "preset_names",
    "secret_of",
]

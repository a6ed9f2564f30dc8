"""How to connect to a broker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from streamgmm.config.rules import Secret, choice, secret, text
from streamgmm.config.secrets import secret_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """How to connect to a broker; shared by the Kafka source and the Kafka sink."""

    security: Annotated[
        str,
        choice("plaintext", "ssl", "sasl_plaintext", "sasl_ssl"),
        "protocol towards the brokers",
    ] = "plaintext"
    sasl_mechanism: Annotated[
        str, choice("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"), "with a sasl protocol"
    ] = "PLAIN"
    sasl_username: Annotated[str, text("text"), "with a sasl protocol"] = ""
    sasl_password: Annotated[
        Secret,
        secret("text"),
        "better given as STREAMGMM__SOURCE__SASL_PASSWORD than written in a file",
    ] = field(default_factory=lambda: Secret(""))
    sasl_password_file: Annotated[
        str,
        text("a path, or empty"),
        "or else a file that holds it, on one line",
        "It is read at the start.",
    ] = ""
    ssl_cafile: Annotated[str, text("a path, or empty"), "authorities trusted (PEM)"] = ""
    ssl_certfile: Annotated[str, text("a path, or empty"), "our own certificate (PEM)"] = ""
    ssl_keyfile: Annotated[
        str, text("a path, or empty"), "its private key (PEM)", "It has no password."
    ] = ""

    @property
    def password(self) -> Secret:
        """The password, read from its file where there is one; raises ConfigError."""
        return secret_of(self.sasl_password, self.sasl_password_file, "sasl_password_file")

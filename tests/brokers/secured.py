"""A broker that asks who one is: TLS, passwords, certificates, and rights for each user."""

from __future__ import annotations

import subprocess
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)

from tests.brokers.apache_kafka import KafkaBroker
from tests.brokers.kafka_jars import require
from tests.workers import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable

PASSWORDS = {"admin": "adm1n s3cret", "worker": 'w0rker "s3cret"\\é', "reader": "r3ader s3cret"}


@dataclass(frozen=True)
class Right:
    """What a user may do: ``Right("READ", "TOPIC", "flows")``; a name with ``*`` is a prefix."""

    operation: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.operation} on {self.kind} {self.name}"

    @property
    def _pattern(self) -> dict[str, Any]:
        kinds = ACLResourcePatternType
        return {
            "resource_type": ResourceType[self.kind],
            "resource_name": self.name.removesuffix("*"),
            "pattern_type": kinds.PREFIXED if self.name.endswith("*") else kinds.LITERAL,
        }

    def granted_to(self, principal: str) -> ACL:
        """Give the rule that grants it."""
        return ACL(
            principal=f"User:{principal}",
            host="*",
            operation=ACLOperation[self.operation],
            permission_type=ACLPermissionType.ALLOW,
            resource_pattern=ResourcePattern(**self._pattern),
        )

    def rule_of(self, principal: str) -> ACLFilter:
        """Give what finds the rule again."""
        return ACLFilter(
            principal=f"User:{principal}",
            host="*",
            operation=ACLOperation[self.operation],
            permission_type=ACLPermissionType.ALLOW,
            resource_pattern=ResourcePatternFilter(**self._pattern),
        )


class Certificates:
    """An authority of the test's own, and what it has signed, as PEM files in a folder."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.authority = self._path("ca.pem")
        self._make("ca", "-addext", "basicConstraints=critical,CA:TRUE")

    def _path(self, name: str) -> Path:
        return self._directory / name

    def sign(self, name: str) -> tuple[Path, Path]:
        """Give certificate and private key of somebody at 127.0.0.1."""
        authority = ["-CA", str(self.authority), "-CAkey", str(self._path("ca.key"))]
        self._make(name, *authority, "-addext", "subjectAltName=IP:127.0.0.1")
        return self._path(f"{name}.pem"), self._path(f"{name}.key")

    def _make(self, name: str, *options: str) -> None:
        files = ["-keyout", str(self._path(f"{name}.key")), "-out", str(self._path(f"{name}.pem"))]
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        command = [require("openssl", "openssl"), "req", "-x509", "-days", "2", *key]
        command += ["-subj", f"/CN={name}", *files, *options]
        subprocess.run(command, check=True, capture_output=True, timeout=60)


class SecuredBroker:
    """Listens with TLS for passwords (PLAIN, SCRAM-SHA-512) and for certificates.

    Nobody may do anything but the user `admin`; see `grant`.
    """

    def __init__(self, directory: Path) -> None:
        self.certificates = Certificates(directory / "certificates")
        certificate, key = self.certificates.sign("broker")
        both = directory / "certificates" / "broker-with-key.pem"
        both.write_text(key.read_text() + certificate.read_text())
        self._broker = KafkaBroker(
            directory / "kafka",
            protocol="SASL_SSL",
            listeners={"MUTUAL": "SSL"},
            properties=self._properties(both),
            client=self.login("admin"),
        )

    def _properties(self, store: Path) -> dict[str, str]:
        users = " ".join(f'user_{name}="{_quoted(word)}"' for name, word in PASSWORDS.items())
        plain = "org.apache.kafka.common.security.plain.PlainLoginModule required "
        plain += f'username="admin" password="{PASSWORDS["admin"]}" {users};'
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        return {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(store),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.certificates.authority),
            "listener.name.mutual.ssl.client.auth": "required",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "listener.name.client.plain.sasl.jaas.config": plain,
            "listener.name.client.scram-sha-512.sasl.jaas.config": scram,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:admin;User:ANONYMOUS",
        }

    def login(self, user: str) -> dict[str, Any]:
        """Give what kafka-python takes to be this user."""
        return {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "PLAIN",
            "sasl_plain_username": user,
            "sasl_plain_password": PASSWORDS[user],
            "ssl_cafile": str(self.certificates.authority),
        }

    @property
    def bootstrap(self) -> str:
        """The address for users with a password."""
        return self._broker.bootstrap

    @property
    def for_certificates(self) -> str:
        """The address for users with a certificate."""
        return self._broker.addresses["MUTUAL"]

    @cached_property
    def admin(self) -> KafkaAdminClient:
        """A client that may do anything."""
        return KafkaAdminClient(bootstrap_servers=self.bootstrap, **self.login("admin"))

    def make_topics(self, *names: str, partitions: int = 1) -> None:
        options = {"num_partitions": partitions, "replication_factor": 1}
        self.admin.create_topics(dict.fromkeys(names, options), wait_for_metadata=True)

    def grant(self, rights: Iterable[Right], principal: str = "worker") -> None:
        self.admin.create_acls([right.granted_to(principal) for right in rights])

    def revoke(self, rights: Iterable[Right], principal: str = "worker") -> None:
        """Take rights away; return when the broker itself, not only the controller, knows."""
        rules = [right.rule_of(principal) for right in rights]
        self.admin.delete_acls(rules)
        wait_for(lambda: not any(self.admin.describe_acls(one)[0] for one in rules), "revocation")

    def __enter__(self) -> Self:
        self._broker.start()
        return self

    def __exit__(self, *exc: object) -> None:
        with closing(self.admin):
            pass
        self._broker.stop()


def _quoted(word: str) -> str:
    """Write a password as it stands between quotes in a login of ``server.properties``."""
    quoted = word.replace("\\", "\\\\").replace('"', '\\"')
    escaped = quoted.replace("\\", "\\\\")  # once more, for the file
    return "".join(one if one.isascii() else f"\\u{ord(one):04x}" for one in escaped)

"""A job on a broker that asks who one is, and lets one do what the documents list and no more."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import uuid
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

from streamgmm.errors import BrokerError, ConfigError
from streamgmm.io.client import Connection, TransactionLostError
from tests.brokers.secured import PASSWORDS, Right, SecuredBroker
from tests.io.members import MADE_BY, Nobody
from tests.workers import CLIENTS, Topics, Worker, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).parents[2]
OWN_WORDS = {
    "kafka-python": "SaslAuthenticateRequest",
    "confluent": "for SASL mechanism PLAIN",
}
TOKEN = "t0ken'of\"operators"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    with SecuredBroker(tmp_path_factory.mktemp("secured")) as started:
        yield started


@pytest.fixture(scope="module")
def topics(broker: SecuredBroker) -> Iterator[Topics]:
    with closing(Topics(broker.bootstrap, **broker.login("admin"))) as client:
        yield client


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def job(broker: SecuredBroker, topics: Topics) -> dict[str, str]:
    """The topics of a job; as many events are in as there are at first."""
    mark = uuid.uuid4().hex[:8]
    names = {kind: f"{kind}-{mark}" for kind in ("topic", "scores", "alerts", "dead_letters")}
    broker.make_topics(*names.values(), partitions=2)
    topics.send_flows(names["topic"], 0, 200, partitions=2)
    return {"brokers": broker.bootstrap, "start_timeout": "30s", **names}


def listed_rights(job: Mapping[str, str], group: str) -> list[Right]:
    """The rights that the documents list, for the topics of this job."""
    table = (ROOT / "docs" / "howto" / "secure.md").read_text("utf-8").partition("## Rights")[2]
    rows = re.findall(
        r"^\| (\w+) \| (topic|group|transactional id) \| ([^|]+) \|", table, re.MULTILINE
    )
    names = {
        "`source.topics`": [job["topic"]],
        "`source.group`": [group],
        "`sink.scores`, `sink.alerts`, `sink.dead_letters`": [
            job[one] for one in ("scores", "alerts", "dead_letters")
        ],
        "`source.group`, and a hyphen, as a prefix": [f"{group}-*"],
    }
    assert len(rows) == len(names), "the table of rights is not where it was"
    return [
        Right(operation, kind.upper().replace(" ", "_"), name)
        for operation, kind, whose in rows
        for name in names[whose.strip()]
    ]


def environment(broker: SecuredBroker, user: str = "worker", **others: str) -> dict[str, str]:
    """Who the worker is, for source and sink."""
    keys = {
        "security": "sasl_ssl",
        "sasl_username": user,
        "sasl_password": PASSWORDS.get(user, ""),
        "ssl_cafile": str(broker.certificates.authority),
        **others,
    }
    sections = ("SOURCE", "SINK")
    return {
        **os.environ,
        **{
            f"STREAMGMM__{one}__{key.upper()}": text
            for one in sections
            for key, text in keys.items()
            if text
        },
    }


def assert_works(tmp_path: Path, topics: Topics, job: dict[str, str], env: dict[str, str]) -> None:
    """Works, and exactly once, over a crash too."""
    with Worker(tmp_path, env=env, instance="one", **job) as worker:
        topics.read(job["scores"], 200)
        worker.kill()
        topics.send_flows(job["topic"], 200, 400, partitions=2)
        worker.restart()
        assert len(topics.read(job["scores"], 400)) == 400
        assert worker.stop() == 0
        assert "Traceback" not in worker.log


def test_the_listed_rights_suffice(
    tmp_path: Path, broker: SecuredBroker, topics: Topics, job: dict[str, str]
) -> None:
    broker.grant(listed_rights(job, job["topic"]))
    assert_works(tmp_path, topics, job, environment(broker))


def test_scram_passwords_from_a_file(
    tmp_path: Path, broker: SecuredBroker, topics: Topics, job: dict[str, str], client: str
) -> None:
    password = tmp_path / "password"
    password.write_text("scram s3cret\n")
    change = UserScramCredentialUpsertion("scrammer", ScramMechanism.SCRAM_SHA_512, b"scram s3cret")
    broker.admin.alter_user_scram_credentials([change])
    broker.grant(listed_rights(job, job["topic"]), "scrammer")
    options = {"sasl_mechanism": "SCRAM-SHA-512", "sasl_password_file": str(password)}
    env = environment(broker, "scrammer", **options)
    assert_works(tmp_path, topics, {**job, "client": client}, env)


def test_certificates_of_both_sides(
    tmp_path: Path, broker: SecuredBroker, topics: Topics, job: dict[str, str], client: str
) -> None:
    certificate, key = broker.certificates.sign("certain")
    broker.grant(listed_rights(job, job["topic"]), "CN=certain")
    options = {"ssl_certfile": str(certificate), "ssl_keyfile": str(key)}
    env = environment(broker, "", security="ssl", **options)
    assert_works(
        tmp_path, topics, {**job, "brokers": broker.for_certificates, "client": client}, env
    )


def test_without_any_of_them_it_says_which(
    tmp_path: Path, broker: SecuredBroker, job: dict[str, str], client: str
) -> None:
    rights = listed_rights(job, job["topic"])
    assert len(rights) == 6
    for number, right in enumerate(rights):
        granted = rights[:number] + rights[number + 1 :]
        broker.grant(granted)
        with Worker(tmp_path, str(number), env=environment(broker), client=client, **job) as worker:
            assert worker.wait() == 4, right
            log = worker.log
        broker.revoke(granted)
        [told] = [line for line in log.splitlines() if line.startswith("streamgmm: ")]
        assert "Traceback" not in log
        name = right.name.removesuffix("*")
        kind = right.kind.lower().replace("_", " ")
        assert re.search(
            rf"refuses the user 'worker' {right.operation} on the {kind}.*'{name}'", told
        )
        assert (
            f"--operation {right.operation.capitalize()} --{kind.replace(' ', '-')} {name}" in told
        )


def test_a_right_that_is_taken_away_is_waited_for(
    tmp_path: Path, broker: SecuredBroker, topics: Topics, job: dict[str, str], client: str
) -> None:
    rights = listed_rights(job, job["topic"])
    broker.grant(rights)
    count = 200
    with Worker(tmp_path, env=environment(broker), client=client, **job) as worker:
        wait_for(lambda: worker.readiness()["ready"], "readiness")
        for right in rights:
            if right.name in (job["alerts"], job["dead_letters"]):
                continue
            broker.revoke([right])
            topics.send_flows(job["topic"], count, count + 20, partitions=2)
            count += 20
            name = right.name.removesuffix("*")
            words = rf"{right.operation} on the .*'{name}'"
            wait_for(partial(tells, worker, words), words, instead=worker.readiness)
            assert worker.get("/healthz")[0] == 200
            broker.grant([right])
            assert len(topics.read(job["scores"], count)) == count
            wait_for(lambda: worker.readiness()["ready"], "readiness again")
        assert worker.stop() == 0
        assert "Traceback" not in worker.log


def test_a_refused_transaction_is_told_however_late_it_is_heard(
    broker: SecuredBroker, job: dict[str, str], client: str
) -> None:
    """Of the right that is missing, not of what follows from that."""
    name = f"{job['topic']}-"
    granted = [
        Right("WRITE", "TOPIC", job["scores"]),
        Right("WRITE", "TRANSACTIONAL_ID", f"{name}*"),
    ]
    broker.grant(granted)
    connection = Connection(brokers=[broker.bootstrap], security=broker.login("worker"))
    sink = MADE_BY[client]().transactions(
        connection, [job["scores"]], transactional_id=f"{name}0", timeout=10.0, family=name
    )
    words = f"WRITE on the transactional ids? .*'{name}'"
    with closing(sink):
        broker.revoke(granted[1:])
        for _ in range(150):
            sink.send(job["scores"], b"{}")
            time.sleep(0.01)
        with pytest.raises(TransactionLostError, match=words):
            wait_for(lambda: sink.commit({}, None, 0.1), "a commit")
        with pytest.raises(TransactionLostError, match=words):
            wait_for(sink.restart, "a new transaction")
        broker.grant(granted[1:])
        wait_for(sink.restart, "a new transaction")
        sink.send(job["scores"], b"{}")
        wait_for(lambda: sink.commit({}, None, 0.1), "a commit")


def tells(worker: Worker, words: str) -> bool:
    return re.search(words, worker.readiness()["reason"]) is not None


def test_nothing_shows_a_secret(
    tmp_path: Path, broker: SecuredBroker, topics: Topics, job: dict[str, str], client: str
) -> None:
    """Not the log, with everything that the libraries say; not what it serves, or writes."""
    broker.grant(listed_rights(job, job["topic"]))
    env = environment(broker) | {
        "STREAMGMM__SERVICE__TOKEN": TOKEN,
        "STREAMGMM__SERVICE__LOG_LEVEL": "debug",
    }
    with Worker(tmp_path, env=env, client=client, **job) as worker:
        topics.read(job["scores"], 200)
        wait_for(lambda: list(worker.checkpoint.glob("*.sgmm")), "a checkpoint")
        paths = ("/", "/metrics", "/readyz", "/incidents", "/freeze", "/no-such")
        shown = [worker.get(path)[1] for path in paths]
        assert worker.stop() == 0
        assert OWN_WORDS[client] in worker.log, "the libraries' own words"
        shown += [worker.log, checked(worker.config, env)]
        for name in ("brok3n", ""):
            wrong = {**env, "STREAMGMM__SINK__SASL_PASSWORD": PASSWORDS["worker"] + name}
            wrong["STREAMGMM__SINK__SECURITY"] = "sasl_ssl" if name else "plaintext"
            worker._env = wrong
            worker.restart()
            assert worker.wait() == (4 if name else 3)
            shown.append(worker.log)
        kept = [path.read_bytes().decode("latin-1") for path in worker.checkpoint.iterdir()]
        kept += [
            value.decode() for kind in ("scores", "alerts") for value in values(topics, job[kind])
        ]
    for text in shown + kept:
        for secret in ("s3cret", "t0ken"):  # a part of each, which no way of writing changes
            assert secret not in text


def values(topics: Topics, topic: str) -> list[bytes]:
    return [record.value for record in topics.read(topic, 0)]


def checked(config: Path, env: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "streamgmm", "check", str(config)],
        capture_output=True, text=True, env=env, timeout=60, check=True,
    )  # fmt: skip
    assert "sasl_password is not shown" in done.stdout
    return done.stdout + done.stderr


def test_a_wrong_password_is_said_at_once(broker: SecuredBroker, client: str) -> None:
    made = MADE_BY[client]()
    settings = {**broker.login("worker"), "sasl_plain_password": "wrong"}
    at = Connection(brokers=[broker.bootstrap], security=settings)
    assert "wrong" not in repr(at)
    with pytest.raises(BrokerError, match=r"refused the credentials.*check sasl_mechanism"):
        made.sink(at, ["any"])
    with pytest.raises(BrokerError, match="refused the credentials"):
        made.source(at, topics=["any"], group="g", start="earliest", owner=Nobody())


@pytest.mark.parametrize(
    "settings",
    [{}, {"security_protocol": "SSL"}, {"ssl_cafile": None}],
    ids=["plaintext", "no login", "an authority that nobody knows"],
)
def test_a_listener_that_wants_something_else(
    broker: SecuredBroker, client: str, settings: dict[str, Any]
) -> None:
    if settings:
        settings = {**broker.login("worker"), **settings}
    security = {name: value for name, value in settings.items() if value is not None}
    at = Connection(brokers=[broker.bootstrap], security=security, start_timeout=1)
    with pytest.raises(BrokerError, match=r"answered within 1 s .*that security \(with ssl_cafile"):
        MADE_BY[client]().sink(at, ["t"])


def test_certificates_that_cannot_be_used_are_said_at_once(
    broker: SecuredBroker, client: str
) -> None:
    certificate, key = broker.certificates.sign("somebody")
    _, other = broker.certificates.sign("somebody-else")
    locked = key.with_name("locked.key")
    command = ["openssl", "pkcs8", "-topk8", "-in", str(key), "-out", str(locked)]
    subprocess.run([*command, "-passout", "pass:word"], check=True, capture_output=True)
    for wrong in (
        {"ssl_cafile": __file__},
        {"ssl_certfile": str(certificate), "ssl_keyfile": str(other)},
        {"ssl_certfile": str(certificate), "ssl_keyfile": str(locked)},
    ):
        at = Connection(brokers=[broker.bootstrap], security={"security_protocol": "SSL", **wrong})
        with pytest.raises(ConfigError, match=r"ssl_\w+file cannot be used .*PEM files are needed"):
            MADE_BY[client]().sink(at, ["any"])

"""Configuration: what is read, what is refused and in which words."""

from __future__ import annotations

import pickle
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm.config import (
    Alerts,
    Config,
    Events,
    FileInput,
    FileOutput,
    KafkaInput,
    KafkaOutput,
    Model,
    Secret,
    Service,
    load,
    load_preset,
    loads,
    preset_names,
    secret_of,
)
from streamgmm.config.rules import seconds
from streamgmm.config.toml import toml_value
from streamgmm.detection import Detector
from streamgmm.errors import ConfigError
from streamgmm.events import TRANSFORMS, Field
from streamgmm.events.members import is_readable
from streamgmm.service.settings import detector_settings

ROOT = Path(__file__).parents[1]

FILE = """
[source]
type = "file"
path = "flows.jsonl"

[events]
key = "src"
time = "ts"

[events.fields]
duration = "log1p"
"id.orig_p" = { transform = "identity", required = true }
"""
KAFKA = """
[source]
type = "kafka"
brokers = ["one:9092", "two:9092"]
topic = "flows"

[events]
fields = { bytes = "log1p" }

[sink]
type = "kafka"
alerts = "alerts"
"""


def problems(text: str, env: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loads(text, name="job.toml", env=env or {})
    assert str(caught.value) == "\n".join(caught.value.problems)
    return list(caught.value.problems)


def the_problem(text: str, env: dict[str, str] | None = None) -> str:
    (problem,) = problems(text, env)
    return problem


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            KAFKA + '[service]\ncheckpoint = "topic:a/b"',
            "names the topic 'a/b'; allowed are 1 to 249",
        ),
        (KAFKA + '[service]\ncheckpoint = "topic:flows"', "the topic 'flows', which [source] or"),
        (KAFKA + '[service]\ncheckpoint = "topic:alerts"', "name one that is for state alone"),
        (
            KAFKA + 'delivery = "at_least_once"\n[service]\ncheckpoint = "topic:state"',
            'set [sink] delivery to "auto" or "exactly_once", or name a directory',
        ),
        (KAFKA + "commit_interval = 30", "brokers give a transaction up after transaction_timeout"),
        (FILE + '[service]\ncheckpoint = "topic:state"', "topics of one Kafka cluster"),
    ],
)
def test_what_exactly_once_takes(text: str, words: str) -> None:
    assert words in the_problem(text)


def test_a_checkpoint_is_a_topic_or_a_directory() -> None:
    def topic(value: str) -> str | None:
        text = KAFKA + f'[service]\ncheckpoint = "{value}"'
        return loads(text, env={}).service.checkpoint_topic

    assert topic("topic:state") == "state"
    assert [topic(other) for other in ("", "state", "topic", "./topic:x", "C:topic")] == [None] * 5


def test_a_file_job() -> None:
    config = loads(FILE, env={})
    assert config.source == FileInput(path="flows.jsonl")
    assert config.events.fields == (Field("duration", "log1p"), Field("id.orig_p", required=True))
    assert config.schema().names == ("duration", "id.orig_p")
    assert (config.schema().key, config.schema().time) == ("src", "ts")
    assert config.model == Model()
    assert config.alerts == Alerts(budget=1e-3)
    assert config.sink == FileOutput(alerts="-")
    assert config.service.host_port == ("127.0.0.1", 9464)


def test_a_field_has_a_unit() -> None:
    config = loads(FILE.replace('"log1p"', '{ transform = "log1p", unit = "s" }'), env={})
    assert config.events.fields[0] == Field("duration", "log1p", unit="s")
    assert loads(config.to_toml(), env={}) == config
    for unit in ("7", '"a\\tb"', f'"{17 * "x"}"'):
        words = the_problem(FILE.replace("required = true", f"unit = {unit}"))
        assert "fields 'id.orig_p' has unit" in words
        assert 'allowed is up to 16 printable characters, such as "B"' in words


def test_a_kafka_job() -> None:
    config = loads(KAFKA, env={})
    assert config.source == KafkaInput(brokers=("one:9092", "two:9092"), topics=("flows",))
    assert config.sink == KafkaOutput(alerts="alerts")


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.toml")), ids=lambda p: p.name)
def test_every_example_loads_and_is_written_back(path: Path) -> None:
    config = load(path, env={})
    assert loads(config.to_toml(comments=True), env={}) == config


def test_every_preset_loads() -> None:
    assert preset_names()
    for name in preset_names():
        assert load_preset(name, env={}).events.fields
    with pytest.raises(ConfigError, match="did you mean 'http'"):
        load_preset("htp", env={})


def test_a_binary_format_needs_its_schema_and_no_other_key() -> None:
    def job(keys: str) -> str:
        return KAFKA.replace('topic = "flows"', f'topic = "flows"\n{keys}')

    given = 'format = "protobuf"\nschema = "a"\nmessage = "b.C"\nframing = "confluent"'
    config = loads(job(given), env={})
    assert loads(config.to_toml(), env={}) == config
    assert problems(job('format = "protobuf"')) == [
        'job.toml: [source] format is "protobuf", which needs schema',
        'job.toml: [source] format is "protobuf", which needs message',
    ]
    assert "which needs schema" in the_problem(job('format = "avro"'))
    assert 'format is "xml"; allowed is' in the_problem(job('format = "xml"'))
    avro = 'format = "avro"\nschema = "a"\n'
    assert 'has message, which format = "avro"' in the_problem(job(avro + 'message = "b"'))
    assert 'has schema, which format = "json"' in the_problem(job('schema = "a"'))
    assert 'framing is "confluent", which is for' in the_problem(job('framing = "confluent"'))


# ---------------------------------------------------------------- what is refused


def test_an_unknown_key_suggests_the_nearest() -> None:
    problem = the_problem(FILE + "[model]\nn_component = 8")
    assert problem.startswith("job.toml: [model] has no key 'n_component'")
    assert "did you mean 'n_components'?" in problem


def test_an_unknown_section_suggests_the_nearest() -> None:
    assert "did you mean 'alerts'?" in the_problem(FILE + "[alert]\nbudget = 1")


def test_an_unknown_transform_suggests_the_nearest() -> None:
    problem = the_problem(FILE.replace('duration = "log1p"', 'duration = "log1"'))
    assert "'duration' has transform \"log1\"; did you mean 'log1p'?" in problem


def test_a_dotted_field_without_quotes_is_explained() -> None:
    problem = the_problem(FILE.replace('"id.orig_p" = ', "id.orig_p = "))
    assert 'a dot in a field\'s name needs quotes, "id.orig_p"' in problem


def test_every_problem_is_in_one_error() -> None:
    found = problems(
        """
        speed = 3
        [source]
        type = "file"
        paths = "x"
        [events]
        time_unit = "minutes"
        fields = { a = "log", b = { requird = true } }
        [model]
        n_components = 0
        gate = 2
        covariance = "round"
        [service]
        http = "nowhere"
        """
    )
    for words in (
        "no section [speed]", "no key 'paths'", "lacks path", 'time_unit is "minutes"',
        "'a' has transform", "no key 'requird'; did you mean 'required'?",
        "n_components is 0; allowed is a whole number from 1", "gate is 2", 'covariance is "round"',
        'http is "nowhere"; allowed is "host:port"',
    ):  # fmt: skip
        assert any(words in problem for problem in found), words
    assert len(found) == 10


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('type = "file"', "", "[source] type is missing; allowed is"),
        ('type = "file"', 'type = "fil"', '[source] type is "fil"; allowed is "file" or "kafka"'),
        ('[source]\ntype = "file"\npath = "flows.jsonl"', "source = 3", "must be a section"),
        ("[events.fields]", "[events.field]", "lacks fields"),
        ("[source]", "[source", "job.toml: not valid TOML"),
        ("duration =", "'a\"b' =", 'a member "a\\"b"; what can be read is a name without quot'),
        ('key = "src"', "key = 'a\\b'", 'a member "a\\\\b"; what can be read is a name without'),
    ],
)
def test_more_that_is_refused(old: str, new: str, words: str) -> None:
    assert any(words in problem for problem in problems(FILE.replace(old, new)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (KAFKA + '[alerts]\nbudget = "5/day"', '"5/day", which counts days, but [events] time'),
        (
            FILE.replace('time = "ts"', "") + '[model]\nhalf_life = "7d"',
            "[events] time names no field",
        ),
        (FILE.replace('time = "ts"', 'time = "src"'), "more than one of key, time and label"),
        (FILE.replace('key = "src"', 'label = "duration"'), "would see the truth"),
        (FILE + "[model]\nwarmup = 20", "warmup is 20, too few events to place 16 components"),
        (FILE + '[sink]\ntype = "file"\nscores = "flows.jsonl"', "the file that [source] reads"),
        (FILE + '[sink]\ntype = "kafka"\nalerts = "a"', "[sink] has no brokers"),
        (KAFKA.replace('alerts = "alerts"', ""), "names no topic"),
        (KAFKA.replace('"alerts"', '"flows"'), "feed on its own output"),
        (KAFKA.replace('"flows"', '"flows"\nsecurity = "sasl_ssl"'), "needs sasl_username"),
        (KAFKA.replace('"flows"', '"flows"\nsasl_username = "u"'), "would not use"),
        (KAFKA.replace('"flows"', '"flows"\nsasl_password_file = "p"'), "would not use"),
        (
            KAFKA.replace(
                '"flows"',
                '"flows"\nsecurity = "sasl_ssl"\nsasl_username = "u"\n'
                'sasl_password = "p"\nsasl_password_file = "p"',
            ),
            "has both sasl_password and sasl_password_file",
        ),
        (KAFKA + '[service]\ntoken = "t"\ntoken_file = "t"', "has both token and token_file"),
        (KAFKA + '[service]\nguard = "all"', "needs a token or token_file"),
        (KAFKA.replace('"flows"', '"flows"\nssl_keyfile = "u"'), "both of ssl_certfile"),
    ],
)
def test_what_does_not_go_together(text: str, words: str) -> None:
    assert words in the_problem(text)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.toml: cannot be read \(No such file"):
        load(tmp_path / "nothing.toml", env={})
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(binary, env={})


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("value", "expected"),
    [(30, 30), (0.5, 0.5), ("30s", 30), ("7d", 604_800), ("1h30m", 5400), ("250 ms", 0.25)],
)
def test_durations(value: float | str, expected: float) -> None:
    assert seconds(value) == expected


@pytest.mark.parametrize("value", ["1ms", 0.9, "31m", "1h", "soon"])
def test_a_session_that_no_group_allows(value: float | str) -> None:
    text = KAFKA.replace('"flows"', f'"flows"\nsession_timeout = {toml_value(value)}')
    assert "allowed is 1 second to 30 minutes" in the_problem(text)


@pytest.mark.parametrize("value", [0, -1, "", "5", "d", "7 days", "-3s", "1.5.2s", True, "inf"])
def test_what_is_no_duration(value: float | str) -> None:
    text = FILE + f"[service]\ncheckpoint_interval = {toml_value(value)}"
    assert "checkpoint_interval is" in the_problem(text)


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ("1e-4", 1e-4),
        ('"5/day"', "5/day"),
        ('"2 / hour"', "48/day"),
        ('"7/week"', "1/day"),
        ('"50000000/day"', "50000000/day"),
        ('"12345678.5/day"', "12345678.5/day"),
        ('"1e+300/day"', "1e+300/day"),
    ],
)
def test_budgets(toml: str, expected: float | str) -> None:
    config = loads(FILE + f"[alerts]\nbudget = {toml}", env={})
    assert config.alerts.budget == expected
    assert loads(config.to_toml(), env={}) == config, "what is listed is accepted"


@pytest.mark.parametrize("digits", [401, 5000])
def test_a_number_beyond_all_measure_is_a_problem_like_others(digits: int) -> None:
    text = FILE + f"[model]\nhalf_life = 1{'0' * digits}"
    with pytest.raises(ConfigError) as refused:
        loads(text, env={})
    assert len(str(refused.value)) < 300
    variable = {"STREAMGMM__MODEL__HALF_LIFE": f"1{'0' * digits}"}
    assert "half_life is" in the_problem(FILE, variable)


@pytest.mark.parametrize(
    "toml", ["0", "1", "-0.1", "true", '"5"', '"0/day"', '"5/year"', '"1e999/day"', "nan"]
)
def test_what_is_no_budget(toml: str) -> None:
    assert "allowed is a probability" in the_problem(FILE + f"[alerts]\nbudget = {toml}")


@pytest.mark.parametrize(
    "toml",
    [
        '["flows.example:80"]',
        '["https://flows.example"]',
        '["*"]',
        '["a", "a"]',
        '[""]',
        "[7]",
        "7",
    ],
)
def test_what_is_no_list_of_hosts(toml: str) -> None:
    told = the_problem(FILE + f"[service]\nallowed_hosts = {toml}")
    assert "allowed is a list of names or addresses without port" in told


def test_hosts_by_which_the_service_is_reached() -> None:
    listed = loads(
        FILE + '[service]\nallowed_hosts = ["flows.example", "*.example", "[::7]"]', env={}
    )
    assert listed.service.allowed_hosts == ("flows.example", "*.example", "[::7]")
    assert listed.fingerprint() == loads(FILE, env={}).fingerprint(), "no part of the state"
    env = {"STREAMGMM__SERVICE__ALLOWED_HOSTS": "10.0.0.5, flows_1.example"}
    assert loads(FILE, env=env).service.allowed_hosts == ("10.0.0.5", "flows_1.example")
    assert loads(FILE, env={"STREAMGMM__SERVICE__ALLOWED_HOSTS": ""}).service.allowed_hosts == ()


def test_topic_and_topics_are_one_too_many() -> None:
    text = KAFKA.replace('topic = "flows"', 'topic = "flows"\ntopics = ["more"]')
    assert "has both topic and topics; name all of them in topics" in the_problem(text)


# ---------------------------------------------------------------- environment and changes


def test_the_environment_goes_over_the_file() -> None:
    config = loads(
        FILE,
        env={
            "STREAMGMM__SOURCE__PATH": "-",
            "STREAMGMM__MODEL__N_COMPONENTS": "8",
            "STREAMGMM__MODEL__HALF_LIFE": "7d",
            "STREAMGMM__ALERTS__BUDGET": "5/day",
            "STREAMGMM__EVENTS__FIELDS__Bytes_Out": "asinh",
            "streamgmm__service__http": "",
            "STREAMGMM_TEST_KAFKA": "not ours",
        },
    )
    assert config.source == FileInput(path="-")
    assert (config.model.n_components, config.model.half_life) == (8, "7d")
    assert config.alerts.budget == "5/day"
    assert config.schema().names == ("Bytes_Out", "duration", "id.orig_p")
    assert config.service.host_port is None


def test_text_that_looks_like_toml_of_another_type() -> None:
    env = {
        "STREAMGMM__SOURCE__GROUP": "123",
        "STREAMGMM__SOURCE__TOPIC": "a, b",
        "STREAMGMM__SOURCE__BROKERS": '["c:1"]',
    }
    source = loads(KAFKA, env=env).source
    assert isinstance(source, KafkaInput)
    assert (source.group, source.topics, source.brokers) == ("123", ("a", "b"), ("c:1",))


def test_the_environment_can_change_the_type_of_the_source() -> None:
    env = {"STREAMGMM__SOURCE__TYPE": "file", "STREAMGMM__SOURCE__PATH": "-"}
    assert loads(KAFKA.split("[sink]", maxsplit=1)[0], env=env).source == FileInput(path="-")


def test_a_problem_of_the_environment_names_the_variable() -> None:
    problem = the_problem(FILE, {"STREAMGMM__MODEL__GATE": "high"})
    assert problem.startswith('environment STREAMGMM__MODEL__GATE: [model] gate is "high"')
    problem = the_problem(FILE, {"STREAMGMM__MODL__GATE": "1"})
    assert "environment STREAMGMM__MODL__GATE" in problem
    assert "did you mean 'model'?" in problem
    problem = the_problem(FILE, {"STREAMGMM__MODEL__GATES": "1"})
    assert "did you mean 'gate'?" in problem


def test_changes_go_over_the_environment() -> None:
    changes = {"source": {"type": "file", "path": "other.csv"}, "events": {"label": "truth"}}
    config = loads(
        KAFKA.split("[sink]", maxsplit=1)[0],
        env={"STREAMGMM__SOURCE__GROUP": "g"},
        changes=changes,
    )
    assert config.source == FileInput(path="other.csv")
    assert config.schema().label == "truth"


# ---------------------------------------------------------------- secrets


def test_a_secret_is_shown_nowhere() -> None:
    text = KAFKA.replace('"flows"', '"flows"\nsecurity = "sasl_ssl"\nsasl_username = "u"')
    config = loads(text, env={"STREAMGMM__SOURCE__SASL_PASSWORD": "hunter2"})
    assert isinstance(config.source, KafkaInput)
    assert config.source.sasl_password.reveal() == "hunter2"
    assert "hunter2" not in f"{config!r} {config} {config.to_toml()}"
    assert "hunter2" not in config.to_toml(comments=True)
    with pytest.raises(TypeError, match="secret"):
        pickle.dumps(config)


@pytest.mark.parametrize("line", ["sasl_password = [4711]", 'sasl_pasword = "4711"'])
def test_nor_in_an_error(line: str) -> None:
    found = problems(KAFKA.replace('"flows"', f'"flows"\n{line}'))
    assert "4711" not in " ".join(found)


def test_secrets_stand_in_files_too(tmp_path: Path) -> None:
    password, token = tmp_path / "password", tmp_path / "token"
    password.write_text(" hunter2 \n")
    token.write_bytes(b"s3cret")
    text = KAFKA.replace(
        '"flows"',
        f'"flows"\nsecurity = "sasl_ssl"\nsasl_username = "u"\nsasl_password_file = "{password}"',
    )
    config = loads(text + f'[service]\ntoken_file = "{token}"\nguard = "all"\n', env={})
    assert [one.reveal() for one in config.secrets()] == [" hunter2 ", "s3cret"]
    assert not re.search("hunter2|s3cret", f"{config!r} {config} {config.to_toml()}")
    password.write_text("two\nlines\n")
    token.unlink()
    with pytest.raises(ConfigError) as caught:
        config.secrets()
    one, other = caught.value.problems
    assert one.startswith("[source] sasl_password_file is ")
    assert "must hold one line" in one
    assert other.startswith("[service] token_file is ")
    assert "No such file" in other
    assert loads(config.to_toml(), env={}) == config, "no file is needed to load it"


@pytest.mark.parametrize("data", [b"", b"\n", b"\xff\xfe", b"x" * 5000, b"a\n\n"])
def test_a_secret_s_file_holds_one_line_and_is_not_shown(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(data)
    with pytest.raises(ConfigError, match=r"^token_file is .*(one line|UTF-8)") as caught:
        secret_of(Secret(""), str(file), "token_file")
    assert "xxx" not in str(caught.value)


# ---------------------------------------------------------------- laws

words = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
members = words.filter(is_readable)
numbers = st.builds(Field, members, st.sampled_from(sorted(TRANSFORMS)), st.booleans())
categories = st.builds(
    Field,
    members.map("category {}".format),
    st.just("surprise"),
    st.booleans(),
    source=st.none() | members.map("from {}".format),
    given=st.booleans() | members.map("given {}".format),
    half_life=st.floats(1, 1e9),
    keys=st.integers(1, 100_000),
)
times = st.builds(
    Field,
    members.map("time {}".format),
    st.sampled_from(["time_of_day", "time_of_week"]),
    source=st.none() | members.map("from {}".format),
)
fields = st.lists(
    numbers | categories | times,
    min_size=1, max_size=5, unique_by=lambda field: field.name,
).map(tuple)  # fmt: skip
spans = st.floats(1e-3, 1e9)
models = st.builds(
    Model,
    n_components=st.integers(1, 200),
    covariance=st.sampled_from(["auto", "full", "tied", "diag", "spherical"]),
    half_life=st.floats(1, 1e9) | st.sampled_from(["stationary", "7d"]),
    established=st.sampled_from(["graded", "off"]) | st.floats(0.01, 1),
    shrinkage=st.floats(0, 10),
    gate=st.just("off") | st.floats(0.01, 0.99),
    warmup=st.integers(400, 10_000),
    seed=st.integers(0, 2**62),
)
configs = st.builds(
    Config,
    source=st.builds(FileInput, path=words.map("in/{}".format), batch_size=st.integers(1, 99)),
    events=st.builds(
        Events,
        fields=fields,
        time=st.just("the time"),
        key=st.just("the key"),
        max_ahead=spans,
        cycles=st.sampled_from([(), ("day",), ("week", "day")]),
        time_zone=st.sampled_from(["UTC", "+05:30", "Asia/Tokyo"]),
    ),
    model=models,
    alerts=st.builds(Alerts, budget=st.floats(1e-9, 0.5) | st.just("5/day")),
    sink=st.builds(FileOutput, scores=words.map("out/{}".format)),
    service=st.builds(Service, checkpoint_interval=spans, http=st.sampled_from(["", "[::1]:80"])),
)


@given(configs, st.booleans())
def test_what_is_written_is_read_back(config: Config, comments: bool) -> None:
    assert loads(config.to_toml(comments=comments), env={}) == config


@given(configs)
def test_the_fingerprint_does_not_depend_on_the_order_of_lines(config: Config) -> None:
    sections = config.to_toml().split("\n\n")
    turned = "\n\n".join(
        "\n".join([lines[0], *reversed(lines[1:])])
        for lines in (section.rstrip("\n").split("\n") for section in sections)
    )
    assert loads(turned, env={}).fingerprint() == config.fingerprint()


def test_the_fingerprint_covers_what_shapes_state_and_nothing_else() -> None:
    config = loads(FILE, env={})
    # changes only with its version
    assert config.fingerprint() == "ecbc63cdea73ad1fb491e105e5af6924"
    for other in (
        replace(config, model=replace(config.model, n_components=17)),
        replace(config, model=replace(config.model, half_life="7d")),
        replace(config, events=replace(config.events, fields=(Field("duration"),))),
        replace(config, events=replace(config.events, time_unit="ms")),
    ):
        assert other.fingerprint() != config.fingerprint()
    for other in (
        replace(config, source=FileInput(path="other")),
        replace(config, alerts=Alerts(budget=0.01)),
        replace(config, service=Service(http="")),
        replace(config, events=replace(config.events, key="", label="x")),
        replace(config, events=replace(config.events, fields=config.events.fields[::-1])),
        loads(FILE.replace("required = true", 'required = true, unit = "B"'), env={}),
    ):
        assert other.fingerprint() == config.fingerprint()


FLOWS = """
[source]
type = "file"
path = "-"
[events]
time = "ts"
key = "src"
cycles = ["day", "week"]
time_zone = "+02:00"
[events.fields]
bytes = "log1p"
dport = { transform = "surprise", given = "src", half_life = 500, keys = 300 }
"dport, all" = { transform = "surprise", from = "dport" }
shift = { transform = "time_of_week", from = "began" }
"""


def test_categories_and_times_of_a_schema() -> None:
    schema = loads(FLOWS, env={}).schema()
    assert schema.names == (
        "bytes", "dport", "dport, all", "shift.sin", "shift.cos", "time_of_day.sin",
        "time_of_day.cos", "time_of_week.sin", "time_of_week.cos",
    )  # fmt: skip
    assert schema.fields[1] == Field("dport", "surprise", given="src", half_life=500.0, keys=300)
    assert schema.fields[2].member == "dport"
    assert schema.fields[4].member is None
    assert schema.time_zone == "+02:00"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('given = "src"', "given = false", "has given false; allowed is the name of a field, or"),
        ("half_life = 500", "half_life = 0", "has half_life 0; allowed is a number of events from"),
        ("keys = 300", "keys = 0", "has keys 0; allowed is a whole number from 1 to"),
        ('"surprise", from = "dport"', '"surprise", from = ""', 'has from ""; allowed is the name'),
        ('"time_of_week", from', '"time_of_week", given', "which only transform"),
        ('bytes = "log1p"', 'bytes = "surprize"', "did you mean 'surprise'?"),
        ('"day", "week"', '"day", "month"', 'cycles is ["day", "month"]; allowed is a list of'),
        ("+02:00", "Europe/Zuerich", 'time_zone is "Europe/Zuerich"; allowed is "UTC", an offset'),
        ('time = "ts"', "", "cycles is given, but time names no field"),
        ('bytes = "log1p"', 'time_of_day = "log1p"', "a feature of the same name"),
        ('key = "src"', 'label = "src"', "so the model would see the truth"),
    ],
)
def test_categories_and_times_that_make_no_sense(old, new, words) -> None:
    assert old in FLOWS
    with pytest.raises(ConfigError, match=re.escape(words)):
        loads(FLOWS.replace(old, new, 1), env={})


def test_the_fingerprint_covers_categories_and_times() -> None:
    prints = {
        loads(FLOWS.replace(*change), env={}).fingerprint()
        for change in (
            ("", ""), ("half_life = 500", "half_life = 501"), ("keys = 300", "keys = 30"),
            ('given = "src"', "given = true"), ("+02:00", "UTC"), (', "week"', ""),
            ('"began"', '"ended"'),
        )
    }  # fmt: skip
    assert len(prints) == 7
    by_key = FLOWS.replace('given = "src"', "given = true")
    assert loads(by_key, env={}).fingerprint() != (
        loads(by_key.replace('key = "src"', 'key = "dst"'), env={}).fingerprint()
    )
    assert loads(FLOWS.replace('key = "src"', 'key = "dst"'), env={}).fingerprint() in prints


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("n_components", [1, 1024]),
        ("covariance", ["auto", "full", "tied", "diag", "spherical"]),
        ("half_life", [1e-9, 1e12, "1ms", "stationary"]),
        ("score", ["nll", "nll_full", "tail", "nll_observed"]),
        ("established", ["graded", "off", 1e-9, 1.0]),
        ("shrinkage", [0, 1000]),
        ("gate", ["off", 1e-9, 0.999999]),
        ("warmup", [32, 1_000_000]),
        ("window", [1000, 10_000_000]),
        ("seed", [0, 2**63 - 1]),
    ],
)
def test_what_the_configuration_allows_the_detector_takes(key: str, values: list) -> None:
    for value in values:
        model = f"[model]\n{key} = {toml_value(value)}"
        if key == "n_components":
            model += "\nwarmup = 2048"
        config = loads(FILE + model, env={})
        assert Detector(2, detector_settings(config)).n_features == 2


def test_secrets_compare_without_showing() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert not Secret("")
    assert len({Secret("a"), Secret("a")}) == 1

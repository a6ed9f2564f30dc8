"""The command line in a process of its own: output, log and exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from urllib.request import urlopen

import pytest

import streamgmm
from streamgmm.config import loads
from streamgmm.config.sections import LOG_LEVELS
from tests.workers import wait_for

ROOT = Path(__file__).parent.parent
JOB = """
[source]
type = "file"
path = "flows.jsonl"
[events]
time = "ts"
[events.fields]
duration = "log1p"
bytes_out = "log1p"
[model]
warmup = 200
[service]
http = ""
"""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "streamgmm", *arguments]


def run(
    *arguments: str, stdin: bytes = b"", cwd: Path | None = None, **env: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command(*arguments),
        input=stdin,
        capture_output=True,
        timeout=90,
        check=False,
        cwd=cwd,
        env={**os.environ, **env},
    )


@pytest.fixture
def job(tmp_path: Path) -> Path:
    path = tmp_path / "job.toml"
    path.write_text(JOB)
    return path


def test_version_and_help() -> None:
    done = run("--version")
    assert done.stdout.decode() == f"streamgmm {streamgmm.__version__}\n"
    done = run("--help")
    assert done.returncode == 0
    for verb in ("demo", "run", "replay", "check", "generate", "exit codes"):
        assert verb.encode() in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["frobnicate"],
        ["run"],
        ["replay"],
        ["generate", "network"],
        ["generate", "network", "--count", "0"],
        ["generate", "network", "--count", "5", "--rate", "5"],
        ["generate", "network", "--rate", "nan"],
        ["generate", "network", "--count", "5", "--seed", "-1"],
        ["replay", "--input", "x", "--report", "-"],
        ["replay", "--input", "x", "--report", "out.html", "--kind", "kind"],
        ["replay", "--input", "x", "--label", "l", "--episodes", "flood=dst"],
        ["replay", "--input", "x", "--label", "l", "--report", "out.html", "--episodes", "flood"],
        ["demo", "--rate", "-1"],
        ["demo", "--live", "--rate", "0"],
        ["demo", "--live", "--rate", "1e12"],
        ["demo", "--attack", "burst"],
        ["demo", "--live", "--attack", "sleep"],
        ["log-level", "loud"],
        ["log-level", "DEBUG"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_2(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert b"usage:" in done.stderr + done.stdout
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--count=x", "'x' is not a whole number"),
        ("--count=2.5", "'2.5' is not a whole number"),
        ("--count=0", "0 is not above 0"),
        ("--rate=fast", "'fast' is not a number"),
    ],
)
def test_wrong_usage_names_what_is_allowed(option: str, words: str) -> None:
    done = run("generate", "network", option)
    assert done.returncode == 2
    assert words in done.stderr.decode()


def test_levels_of_the_log_are_named_before_any_job_is_asked() -> None:
    assert run("log-level", "loud").stderr.endswith(
        b"argument LEVEL: invalid choice: 'loud' (choose from "
        + ", ".join(map(repr, LOG_LEVELS)).encode()
        + b")\n"
    )


@pytest.mark.parametrize("torn", ['1, "bytes_out": 2}', '": 1, "bytes_out": 2}', "}", '"'])
def test_a_torn_first_line_names_the_remedy_and_the_remedy_helps(torn: str, job: Path) -> None:
    events = f'{torn}\n{{"ts": 1, "duration": 1, "bytes_out": 2}}\n'.encode()
    there = {"cwd": job.parent, "STREAMGMM__SOURCE__PATH": "-"}
    done = run("run", str(job), stdin=events, **there)
    assert done.returncode == 3
    assert b'first of them is torn, set [source] format = "jsonl"' in done.stderr
    done = run("run", str(job), stdin=events, **there, STREAMGMM__SOURCE__FORMAT="jsonl")
    assert done.returncode == 0
    assert b"is a dead letter" in done.stderr


def test_check_lists_a_job_that_loads_to_the_same(job: Path) -> None:
    done = run("check", str(job))
    assert done.returncode == 0
    assert done.stderr == b""
    listed = done.stdout.decode()
    assert loads(listed, env={}) == loads(JOB, env={})


def test_check_names_everything_that_is_wrong(job: Path) -> None:
    job.write_text(JOB.replace("warmup", "warmpu") + "\n[alerts]\nbudget = 2\n")
    done = run("check", str(job))
    assert done.returncode == 3
    lines = done.stderr.decode().splitlines()
    assert any("warmpu" in line and "warmup" in line for line in lines)
    assert any("budget" in line for line in lines)
    assert done.stdout == b""


@pytest.mark.parametrize("verb", ["check", "run"])
def test_a_configuration_that_is_not_there_is_exit_3(verb: str, tmp_path: Path) -> None:
    done = run(verb, str(tmp_path / "none.toml"))
    assert done.returncode == 3
    assert done.stderr.startswith(b"streamgmm: ")
    assert b"none.toml" in done.stderr


def test_an_input_that_is_not_there_is_exit_3(tmp_path: Path) -> None:
    done = run("replay", "--input", str(tmp_path / "none.csv"))
    assert done.returncode == 3
    assert b"none.csv" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("verb", ["check", "run"])
def test_a_secret_s_file_that_is_not_there_is_exit_3(verb: str, job: Path, tmp_path: Path) -> None:
    done = run(verb, str(job), cwd=tmp_path, STREAMGMM__SERVICE__TOKEN_FILE="no-such")
    assert done.returncode == 3
    assert b"[service] token_file is 'no-such', which cannot be read" in done.stderr
    assert done.stdout == b""


def test_the_environment_overrides(job: Path) -> None:
    done = run("check", str(job), STREAMGMM__MODEL__WARMUP="321")
    assert b"warmup = 321" in done.stdout


def test_a_taken_port_is_said(job: Path, tmp_path: Path) -> None:
    (tmp_path / "flows.jsonl").write_bytes(b'{"duration": 1}\n')
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run("run", str(job), cwd=tmp_path, STREAMGMM__SERVICE__HTTP=address)
    assert done.returncode == 3
    assert f"{address} is taken by another process".encode() in done.stderr


@pytest.mark.parametrize("kind", ["network", "transactions"])
def test_generate_is_labelled_and_repeatable(kind: str) -> None:
    done = run("generate", kind, "--count", "2000", "--seed", "7")
    assert done.returncode == 0
    assert done.stderr == b""
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(events) == 2000
    assert {event["label"] for event in events} == {0, 1}
    assert run("generate", kind, "--count", "2000", "--seed", "7").stdout == done.stdout
    assert run("generate", kind, "--count", "2000", "--seed", "8").stdout != done.stdout


def test_generate_at_a_rate_is_endless_and_stops_at_ctrl_c() -> None:
    with subprocess.Popen(
        command("generate", "network", "--rate", "200"), stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        began = time.monotonic()
        lines = [process.stdout.readline() for _ in range(100)]
        assert time.monotonic() - began > 0.2
        assert json.loads(lines[-1])["kind"]
        process.send_signal(signal.SIGINT)
        process.stdout.read()  # a full pipe would keep it from ending
        assert process.wait(60) == 130


def test_a_reader_that_had_enough_is_no_error() -> None:
    with subprocess.Popen(
        command("generate", "network", "--count", "200000"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(30) == 0
        assert process.stderr.read() == b""


def test_a_job_whose_reader_has_gone_fails(job: Path, tmp_path: Path) -> None:
    flows = run("generate", "network", "--count", "20000").stdout
    (tmp_path / "flows.jsonl").write_bytes(flows)
    job.write_text(JOB + '\n[sink]\ntype = "file"\nscores = "-"\n')
    with subprocess.Popen(
        command("run", str(job)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(30) == 1
        log = process.stderr.read()
    assert b"whoever read the standard output has closed it" in log
    assert b"Traceback" not in log


@pytest.mark.parametrize(
    "arguments",
    [
        "generate network --count 5 > /dev/full",
        "generate network --count 5 >&-",
        "check job.toml > /dev/full",
        "check job.toml >&-",
        "replay --input flows.jsonl > /dev/full",
        "replay --input flows.jsonl --scores - > /dev/full",
        "replay --input flows.jsonl --scores - >&-",
        "replay --input - <&-",
        "demo --rate 0 > /dev/full",
        "run job.toml >&-",
    ],
)
def test_a_stream_that_fails_is_one_sentence_and_exit_1(
    arguments: str, job: Path, tmp_path: Path
) -> None:
    (tmp_path / "flows.jsonl").write_bytes(b'{"duration": 1}\n' * 3)
    job.write_text(JOB + '\n[sink]\ntype = "file"\nscores = "-"\n')
    line = " ".join(command(*arguments.split()))
    done = subprocess.run(
        line, shell=True, capture_output=True, timeout=60, check=False, cwd=tmp_path
    )
    assert done.returncode == 1, done.stderr
    said = [line for line in done.stderr.decode().splitlines() if line.startswith("streamgmm: ")]
    assert len(said) == 1
    assert "No space left on device" in said[0] or "Bad file descriptor" in said[0]
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def figures(text: str) -> dict[str, str]:
    """The summary's lines as name and value."""
    return dict(re.split(r"\s{2,}", line, maxsplit=1) for line in text.splitlines())


def test_replay_with_a_configuration_and_labels(job: Path, tmp_path: Path) -> None:
    flows = run("generate", "network", "--count", "10000", "--seed", "2").stdout
    file = tmp_path / "flows.jsonl"
    file.write_bytes(flows + b"nonsense\n")
    alerts = tmp_path / "alerts.jsonl"
    done = run(
        "replay", "--input", str(file), "--label", "label", "--alerts", str(alerts), str(job)
    )
    assert done.returncode == 0, done.stderr
    found = figures(done.stdout.decode())
    assert found["events"].startswith("10,000 in ")
    assert found["dead letters"] == "1 (1 not_json)"
    assert "of 9,800 events after warm-up" in found["alerts"]
    assert 0.5 < float(found["ROC-AUC"]) <= 1
    assert 0 < float(found["average precision"]) <= 1
    assert found["budget"] == "9.8 false alarms (1 in 1,000 events)"
    written = [json.loads(line) for line in alerts.read_bytes().splitlines()]
    assert found["alerts"].startswith(f"{len(written):,} of")
    assert done.stderr == b""


def test_replay_writes_a_report_without_a_configuration(tmp_path: Path) -> None:
    events = [{"ts": 1e9 + 60 * i, "size": i % 7, "label": 0, "what": "x"} for i in range(900)]
    events[800] |= {"label": 1, "more": {"what": "y", "whom": "z"}}
    (tmp_path / "sizes.jsonl").write_text("".join(json.dumps(one) + "\n" for one in events))
    done = run(
        "replay", "--input", "sizes.jsonl", "--label", "label", "--report", "out.html",
        "--kind", "sort", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"the report is out.html" in done.stderr
    assert b"no labelled anomaly after warm-up has a member 'sort'" in done.stderr
    text = (tmp_path / "out.html").read_text()
    [data] = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL
    )
    told = json.loads(data)
    assert told["figures"]["events"] == 900
    assert told["kinds"] == [
        {"kind": "(not named)", "events": 1, "alerted": 0, "episodes": 1, "found": 0, "delay": None}
    ]
    assert 'size = "identity"' in told["configuration"]
    done = run(
        "replay", "--input", "sizes.jsonl", "--label", "label", "--report", "out.html",
        "--kind", "more.what", "--episodes", "y=more.whom", cwd=tmp_path,
    )  # fmt: skip
    assert b"no labelled anomaly" not in done.stderr
    assert '{"kind":"y","events":1,' in (tmp_path / "out.html").read_text()
    assert dict(told["summary"])["alerts"] in done.stdout.decode()


def test_a_report_that_cannot_be_written_is_exit_3_before_the_replay(tmp_path: Path) -> None:
    (tmp_path / "flows.jsonl").write_bytes(b'{"duration": 1}\n' * 3)
    done = run("replay", "--input", "flows.jsonl", "--report", "none/out.html", cwd=tmp_path)
    assert done.returncode == 3
    assert b"none/out.html: cannot be written" in done.stderr
    done = run("replay", "--input", "flows.jsonl", "--report", "flows.jsonl", cwd=tmp_path)
    assert done.returncode == 3
    assert (tmp_path / "flows.jsonl").read_bytes() == b'{"duration": 1}\n' * 3


def test_replay_against_a_budget_a_day(job: Path, tmp_path: Path) -> None:
    job.write_text(JOB + '\n[alerts]\nbudget = "5/day"\n')
    events = [{"ts": 1e9 + 864 * i, "duration": i % 7, "bytes_out": i % 11} for i in range(1001)]
    file = tmp_path / "flows.jsonl"
    file.write_text("".join(json.dumps(event) + "\n" for event in events))
    done = run("replay", "--input", str(file), str(job))
    assert figures(done.stdout.decode())["budget"] == "50 false alarms (5 a day)"


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.toml")), ids=lambda p: p.name)
def test_replay_takes_any_job_whatever_its_source_and_sink(path: Path, tmp_path: Path) -> None:
    values = {"ts": 0, "duration": 1, "src_bytes": 2, "dst_bytes": 3, "bytes_out": 4, "label": 0}
    lines = [json.dumps(values | {"ts": 1e9 + i, "duration": i % 7}) + "\n" for i in range(10)]
    (tmp_path / "flows").write_text("".join(lines))
    done = run("replay", "--input", "flows", "--label", "label", str(path), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert figures(done.stdout.decode())["events"].startswith("10 in ")
    assert [one.name for one in tmp_path.iterdir()] == ["flows"], "the job's sink is not used"


@pytest.mark.parametrize("before", [b"", b'{"a": 1}\n' * 3], ids=["nothing", "some"])
@pytest.mark.parametrize("verb", ["replay", "run"])
def test_ctrl_c_ends_the_wait_for_a_quiet_pipe(verb: str, before: bytes, tmp_path: Path) -> None:
    job = tmp_path / "job.toml"
    text = JOB.replace("flows.jsonl", "-").replace("duration", "a")
    job.write_text(text)
    arguments = [verb, str(job)] if verb == "run" else [verb, "--input", "-"]
    with subprocess.Popen(
        command(*arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(before)
        process.stdin.flush()
        wait_for(lambda: catches_interrupts(process.pid), "the signal's handler")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert b"Traceback" not in process.stderr.read()


def catches_interrupts(process: int) -> bool:
    """Whether the service's own handler is there: Python's for SIGINT alone comes earlier."""
    with Path(f"/proc/{process}/status").open() as status:
        caught = next(line for line in status if line.startswith("SigCgt"))
    mask = int(caught.split()[1], 16)
    return all(mask >> (number - 1) & 1 for number in (signal.SIGINT, signal.SIGTERM))


def test_replay_without_a_configuration_takes_the_numeric_fields(tmp_path: Path) -> None:
    lines = ['id,when,a,b,name,truth,"size ""L"""']
    lines += [f"{i},x{i},{i % 5},{i % 3 - 1},n,{int(i % 50 == 0)},{i % 7}" for i in range(1500)]
    done = run("replay", "--input", "-", "--label", "truth", stdin="\n".join(lines).encode())
    assert done.returncode == 0, done.stderr
    assert b"all numeric fields are taken: a, b\n" in done.stderr
    assert b"field 'size \"L\"' is left out; what can be read is a name without" in done.stderr
    assert figures(done.stdout.decode())["events"].startswith("1,500 in ")


def test_replay_says_which_label_is_not_there(tmp_path: Path) -> None:
    done = run("replay", "--input", "-", "--label", "nope", stdin=b'{"a": 1}\n{"a": 2}\n')
    assert done.returncode == 3
    assert b"'nope', but the records have a" in done.stderr


@pytest.mark.parametrize(
    ("events", "words"),
    [
        (b'{"a": "x"}\n', b"write a CONFIG"),
        (b"", b"the input is empty"),
        (b"[1]\n", b"neither JSON objects nor rows"),
    ],
)
def test_replay_of_nothing_numeric_says_what_to_do(events: bytes, words: bytes) -> None:
    done = run("replay", "--input", "-", stdin=events)
    assert done.returncode == 3
    assert words in done.stderr


def test_scores_on_standard_output_leave_the_summary_to_standard_error(tmp_path: Path) -> None:
    flows = run("generate", "network", "--count", "600").stdout
    done = run("replay", "--input", "-", "--scores", "-", stdin=flows)
    assert len([json.loads(line) for line in done.stdout.splitlines()]) == 600
    assert b"600 in " in done.stderr


def test_the_demo_shows_alerts_with_reasons_and_sums_up() -> None:
    done = run("demo", "--rate", "0")
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode()
    assert "40,000 real HTTP connections" in text
    assert re.search(r"live page http://127\.0\.0\.1:\d+/#token=\S+\n", text)
    assert re.search(
        r"severity +\d+  labelled \w+  (src_bytes|dst_bytes) \S+ k?B, (expected|usually) \d", text
    )
    assert re.search(r"events  40,000 in [\d.]+ s", text)
    assert re.search(r"found  \d+ of 159 labelled anomalies", text)
    assert "what lies grossly outside it alerts" in text
    assert float(re.search(r"ROC-AUC  (\S+)", text)[1]) > 0.99  # type: ignore[index]
    assert "\x1b" not in text, "no colours where nobody sees them"
    alerts = [line for line in text.splitlines() if "severity" in line]
    assert max(map(len, alerts)) > 80, "one line an alert, whatever the width"
    for line in alerts:
        assert re.fullmatch(r" *\d+  severity +\d+  labelled (normal|attack)  .*[a-z0-9)]", line)
    assert done.stderr == b""
    false, found = (
        re.search(rf"{name}  ([\d,]+ of [\d,]+) ", text)[1]  # type: ignore[index]
        for name in ("false alarms", "found")
    )
    pages = [(ROOT / "docs" / name).read_text("utf-8") for name in ("limits.md", "concepts.md")]
    assert f"{false} normal connections alert" in pages[0]
    assert f"{found} attacks do" in pages[0]
    assert f"{false.replace(' of ', ' false alarms in ')} ordinary events" in pages[1]


def take(port: socket.socket, number: int) -> None:
    """Listen there once a demo of another test has let it go; or somebody keeps it: taken too."""
    deadline = time.monotonic() + 60.0
    while time.monotonic() < deadline:
        with suppress(OSError):
            port.bind(("127.0.0.1", number))
            port.listen()
            return
        time.sleep(0.1)


def test_the_live_demo_is_attacked_on_request_and_takes_a_free_port_if_it_must() -> None:
    with closing(socket.socket()) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        take(taken, 9464)
        with subprocess.Popen(
            command("demo", "--live", "--attack", "burst"),
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        ) as process:
            assert process.stdout is not None
            shown = b""
            while b"/metrics" not in shown:
                shown += process.stdout.readline()
            assert b"Port 9464 is taken; using a free one." in shown
            url = re.search(rb"metrics (http://\S+)", shown)
            assert url is not None
            assert re.search(rb"live page \S+/#token=\S{16}\n", shown) is not None

            def attacked() -> bool:
                with urlopen(url[1].decode(), timeout=60) as answer:
                    shown = answer.read()
                assert b"streamgmm_build_info" in shown
                found = re.search(rb'streamgmm_alerts_total{partition="flows"} (\S+)', shown)
                return found is not None and float(found[1]) > 20

            wait_for(attacked, "alerts")
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()
            assert process.wait(20) == 130
    assert b"events after warm-up" in rest, "it sums up before it goes"

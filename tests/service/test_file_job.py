"""Jobs over files, as a user runs them: `streamgmm run` in a process of its own."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from streamgmm.io.generate import flows

if TYPE_CHECKING:
    from collections.abc import Sequence

JOB = """
[source]
type = "file"
path = "{source}"
batch_size = 100
[events]
key = "src"
time = "ts"
[events.fields]
duration = "log1p"
bytes_out = "log1p"
bytes_in = "log1p"
[model]
n_components = 4
warmup = 100
half_life = {half_life}
[alerts]
budget = 0.01
[sink]
type = "file"
scores = "{directory}/scores.jsonl"
alerts = "{directory}/alerts.jsonl"
dead_letters = "{directory}/dead.jsonl"
[service]
http = ""
checkpoint = "{checkpoint}"
"""


class Jobs:
    """Makes and runs jobs in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.checkpoint = directory / "state"
        self.source = directory / "flows.jsonl"

    def write_source(self, count: int, *, extra: Sequence[bytes] = ()) -> None:
        lines = [msgspec.json.encode(flow) for flow in islice(flows(seed=3), count)]
        self.source.write_bytes(b"".join(line + b"\n" for line in (*lines, *extra)))

    def config(self, source: str | None = None, half_life: str = "2000") -> str:
        path = self.directory / "job.toml"
        path.write_text(
            JOB.format(
                source=source or self.source,
                directory=self.directory,
                checkpoint=self.checkpoint,
                half_life=half_life,
            )
        )
        return str(path)

    def run(
        self, *arguments: str, stdin: bytes | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "streamgmm", "run", *(arguments or (self.config(),))],
            input=stdin,
            capture_output=True,
            timeout=60,
            check=False,
        )

    def output(self, name: str) -> list[dict[str, Any]]:
        path = self.directory / f"{name}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path)


def test_a_file_runs_to_its_end(jobs: Jobs) -> None:
    jobs.write_source(3000, extra=[b'{"duration": "x"}', b"nonsense"])
    done = jobs.run()
    assert done.returncode == 0, done.stderr
    scores = jobs.output("scores")
    assert [score["id"] for score in scores] == [f"flows.jsonl-{line}" for line in range(1, 3001)]
    assert [score["ready"] for score in scores] == [False] * 100 + [True] * 2900
    assert scores[0]["key"].startswith("10.0.")
    alerts = jobs.output("alerts")
    assert [alert["id"] for alert in alerts] == [s["id"] for s in scores if s["is_anomaly"]]
    assert alerts[0]["reasons"][0]["text"]
    assert set(alerts[0]["event"]) > {"duration", "bytes_out", "bytes_in", "src"}
    assert [(letter["id"], letter["reason"]) for letter in jobs.output("dead")] == [
        ("flows.jsonl-3001", "wrong_type"),
        ("flows.jsonl-3002", "not_json"),
    ]
    assert b"3000 events" in done.stderr
    assert b"2 dead letters (1 wrong_type, 1 not_json)" in done.stderr
    assert done.stdout == b""


def test_the_first_dead_letter_of_each_reason_is_in_the_log(jobs: Jobs) -> None:
    jobs.write_source(10, extra=[b'{"duration": "x"}', b"nonsense", b'{"duration": "y"}'])
    config = Path(jobs.config())
    config.write_text(config.read_text().replace(f"{jobs.directory}/dead.jsonl", ""))
    log = [line for line in jobs.run(str(config)).stderr.decode().splitlines() if "first" in line]
    assert len(log) == 2, "one for each reason"
    assert "WARNING flows.jsonl-11 is a dead letter, the first for wrong_type: field" in log[0]
    assert "text 'x'" in log[0]
    assert "flows.jsonl-12 is a dead letter, the first for not_json" in log[1]
    assert all(line.endswith("; sink.dead_letters would keep them") for line in log)


def test_a_second_run_goes_on_where_the_first_ended_bit_for_bit(jobs: Jobs, tmp_path: Path) -> None:
    whole = Jobs(tmp_path / "whole")
    whole.directory.mkdir()
    whole.source = jobs.source
    jobs.write_source(2000)
    assert whole.run().returncode == 0

    jobs.write_source(1234)
    assert jobs.run().returncode == 0
    jobs.write_source(2000)
    again = jobs.run()
    assert again.returncode == 0
    assert b"going on after line 1234" in again.stderr
    assert jobs.output("scores") == whole.output("scores")
    assert jobs.output("alerts") == whole.output("alerts")

    nothing_new = jobs.run()
    assert nothing_new.returncode == 0
    assert b"0 events" in nothing_new.stderr
    assert len(jobs.output("scores")) == 2000


def test_another_file_of_the_same_name_is_read_from_its_beginning(jobs: Jobs) -> None:
    jobs.write_source(500)
    assert jobs.run().returncode == 0
    lines = jobs.source.read_bytes().splitlines(keepends=True)
    jobs.source.write_bytes(b"".join(lines[250:]))
    again = jobs.run()
    assert b"is not the file that the checkpoint knows" in again.stderr
    scores = jobs.output("scores")
    assert len(scores) == 750
    assert all(score["ready"] for score in scores[500:]), "the model is kept"


def test_standard_input_to_standard_output(jobs: Jobs, tmp_path: Path) -> None:
    jobs.write_source(400)
    config = Path(jobs.config(source="-"))
    config.write_text(config.read_text().replace(f"{tmp_path}/scores.jsonl", "-"))
    done = jobs.run(str(config), stdin=gzip.compress(jobs.source.read_bytes()))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 400
    assert json.loads(lines[0])["id"] == "stdin-1"
    again = jobs.run(str(config), stdin=jobs.source.read_bytes())
    assert len(again.stdout.splitlines()) == 400
    assert json.loads(again.stdout.splitlines()[0])["ready"], "the model is kept"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_drains_and_a_later_run_misses_nothing(
    jobs: Jobs, number: signal.Signals, code: int
) -> None:
    jobs.write_source(300)
    process = subprocess.Popen(
        [sys.executable, "-m", "streamgmm", "run", jobs.config(source="/dev/stdin")],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(jobs.source.read_bytes())
    process.stdin.flush()
    for line in process.stderr:
        if b"working" in line:
            break
    process.send_signal(number)
    assert process.wait(30) == code
    process.stdin.close()
    process.stderr.close()
    scores = jobs.output("scores")
    assert [score["id"] for score in scores] == [f"stdin-{i + 1}" for i in range(len(scores))]
    assert list(jobs.checkpoint.glob("*.sgmm")) or not scores


def test_a_changed_configuration_is_taken_on_where_the_job_goes_on(jobs: Jobs) -> None:
    jobs.write_source(300)
    assert jobs.run().returncode == 0
    jobs.write_source(400)
    changed = jobs.run(jobs.config(half_life="777"))
    assert changed.returncode == 0
    assert b"(model.half_life 2000.0 -> 777.0): takes effect from position 301" in changed.stderr, (
        changed.stderr
    )
    assert len(jobs.output("scores")) == 400
    assert b"has changed" not in jobs.run(jobs.config(half_life="777")).stderr


def test_a_model_that_cannot_go_on_is_refused_with_exit_5(jobs: Jobs) -> None:
    jobs.write_source(300)
    assert jobs.run().returncode == 0
    config = Path(jobs.config())
    config.write_text(config.read_text().replace("n_components = 4", "n_components = 5"))
    refused = jobs.run(str(config))
    assert refused.returncode == 5
    assert b"+ model.n_components = 5" in refused.stderr
    assert b"Traceback" not in refused.stderr


def test_damaged_state_is_refused_with_exit_5_and_a_remedy(jobs: Jobs) -> None:
    jobs.write_source(300)
    assert jobs.run().returncode == 0
    for file in jobs.checkpoint.glob("*.sgmm"):
        file.write_bytes(b"SGMMSNAP nonsense")
    refused = jobs.run()
    assert refused.returncode == 5
    assert b"streamgmm reset" in refused.stderr


def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(jobs: Jobs) -> None:
    jobs.write_source(300)
    assert jobs.run().returncode == 0
    jobs.write_source(400)
    assert jobs.run().returncode == 0
    newest = max(jobs.checkpoint.glob("*.sgmm"))
    newest.write_bytes(newest.read_bytes()[:-9])
    jobs.write_source(500)
    done = jobs.run()
    assert done.returncode == 0
    assert b"passed over" in done.stderr
    ids = [score["id"] for score in jobs.output("scores")]
    assert set(ids) == {f"flows.jsonl-{i}" for i in range(1, 501)}
    assert len(ids) == 600, "what came after the older checkpoint comes again: at least once"


def test_a_full_disk_for_outputs_is_an_error_without_loss(jobs: Jobs) -> None:
    jobs.write_source(2000)
    config = Path(jobs.config())
    config.write_text(config.read_text().replace(f"{jobs.directory}/scores.jsonl", "/dev/full"))
    done = jobs.run(str(config))
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr
    assert not list(jobs.checkpoint.glob("*.sgmm"))


def test_the_last_line_without_a_newline_counts(jobs: Jobs) -> None:
    jobs.write_source(5)
    jobs.source.write_bytes(jobs.source.read_bytes().rstrip(b"\n"))
    assert jobs.run().returncode == 0
    assert len(jobs.output("scores")) == 5

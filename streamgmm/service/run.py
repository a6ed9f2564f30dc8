"""Puts a job together from its configuration and runs it."""

from __future__ import annotations

import logging
import uuid
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamgmm
from streamgmm.config import FileInput, FileOutput, KafkaInput
from streamgmm.events import BatchDecoder
from streamgmm.io.own_output import refuse_own_output
from streamgmm.service.collector import long_running
from streamgmm.service.commands import Commands
from streamgmm.service.connect import client_of, connection
from streamgmm.service.dead_letters import FirstLetters
from streamgmm.service.delivery import AtLeastOnce, ExactlyOnce
from streamgmm.service.file_job import FileJob, open_source
from streamgmm.service.formats import binary_decoder
from streamgmm.service.http import HttpServer, Operators, Page
from streamgmm.service.job import Housekeeping, Parts
from streamgmm.service.journal import journal_of
from streamgmm.service.metrics import Metrics
from streamgmm.service.models import Models
from streamgmm.service.page.recorder import Recorder
from streamgmm.service.sinks import FileOutputs, KafkaOutputs
from streamgmm.service.sole import SoleWorker
from streamgmm.service.status import Status
from streamgmm.service.stop import StopRequested
from streamgmm.service.stores import store_of, workers_of
from streamgmm.service.telemetry import telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streamgmm.config import Config
    from streamgmm.events.binary import BinaryDecoder
    from streamgmm.io.client import Owner, Source, Transactions
    from streamgmm.service.checkpoint import CheckpointStore
    from streamgmm.service.delivery import Delivery
    from streamgmm.service.journal import Journals
    from streamgmm.service.sinks import OutputSink
    from streamgmm.service.stop import Stop
    from streamgmm.service.tracing import Tracer

__all__ = ["run"]

_log = logging.getLogger(__name__)


def run(config: Config, stop: Stop) -> None:
    """Run a job to its end (a file's), or until `stop`.

    Raises
    ------
    ConfigError, BrokerError, StateError, StreamGMMError
        If the job cannot begin, or cannot go on.
    """
    binary = binary_decoder(config)  # first: what is wrong with it needs no broker to be found
    metrics, status, commands = Metrics(streamgmm.__version__), Status(), Commands()
    recorder = None if config.service.host_port is None else Recorder(config.schema())
    with _until_asked_to_stop(), ExitStack() as stack:
        tracer = stack.enter_context(telemetry(config, metrics, stop))
        if config.service.host_port is not None and recorder is not None:
            guard_all = config.service.guard == "all"
            operators = Operators(commands, config.service.shown_token, guard_all=guard_all)
            page = Page(recorder, streamgmm.__version__)
            server = HttpServer(
                *config.service.host_port,
                metrics,
                status,
                operators,
                page,
                allowed_hosts=config.service.allowed_hosts,
            )
            stack.enter_context(server)
            stack.callback(commands.close)
            _log.info("serving %s/metrics, and the live page at %s/", server.url, server.url)
        if isinstance(config.source, FileInput) and isinstance(config.sink, FileOutput):
            refuse_own_output(config.source.path, config.sink.paths)
        outputs, delivery, transactions = _sink(config, metrics, stop, tracer)
        sink = FirstLetters(outputs, kept=bool(config.sink.dead_letters))
        stack.callback(sink.close)
        store = _store(config, transactions, stop)
        if store is not None:
            stack.enter_context(store.held())

        def parts(decoder: Callable[[str], BatchDecoder]) -> Parts:
            models = Models(
                config,
                store=store,
                metrics=metrics,
                decoder=decoder,
                want_scores=bool(config.sink.scores),
                skip_lost=isinstance(config.source, KafkaInput)
                and config.source.lost_events == "skip",
                journals=_journals(config),
                recorder=recorder,
                tracer=tracer,
            )
            house = Housekeeping(
                models=models,
                sink=sink,
                metrics=metrics,
                status=status,
                stop=stop,
                commands=commands,
                checkpoint_interval=config.service.checkpoint_interval,
            )
            return Parts(
                models=models, sink=sink, house=house, metrics=metrics, stop=stop, tracer=tracer
            )

        stack.enter_context(long_running())
        if isinstance(config.source, KafkaInput):
            _run_kafka(config, config.source, delivery, binary, parts)
        else:
            _run_file(config, config.source, parts, stop)


@contextmanager
def _until_asked_to_stop() -> Iterator[None]:
    """End in good order where a stop comes before there is any work to finish."""
    try:
        yield
    except StopRequested:
        _log.info("stopped while connecting")


def _store(config: Config, transactions: Transactions | None, stop: Stop) -> CheckpointStore | None:
    if not config.service.checkpoint:
        _log.warning(
            "service.checkpoint names no directory and no topic: the model is lost when this "
            "process ends"
        )
        return None
    return store_of(config, transactions, stop.check)


def _journals(config: Config) -> Journals:
    directory = config.service.journal_directory
    if directory:
        return partial(journal_of, Path(directory))
    _log.warning(
        "service.journal names no directory: should an event kill this process again and again, it "
        "would not be found out"
    )
    return lambda _: None


def _sink(
    config: Config, metrics: Metrics, stop: Stop, tracer: Tracer
) -> tuple[OutputSink, Delivery, Transactions | None]:
    sink = config.sink
    if isinstance(sink, FileOutput):
        files = FileOutputs(sink)
        return files, AtLeastOnce(files), None
    topics = {topic for topic in (sink.scores, sink.alerts, sink.dead_letters) if topic}
    there, client = connection(sink, config, stop.check), client_of(config)
    if not config.exactly_once:
        outputs = KafkaOutputs(client.sink(there, topics), sink, metrics, tracer)
        return outputs, AtLeastOnce(outputs), None
    transactions = client.transactions(
        there,
        topics,
        transactional_id=_transactional_id(config),
        timeout=sink.transaction_timeout,
        family=_family(config),
    )
    outputs = KafkaOutputs(transactions, sink, metrics, tracer)
    return outputs, ExactlyOnce(transactions, sink.commit_interval), transactions


def _transactional_id(config: Config) -> str:
    """Name this worker to the brokers: for as long as it lives, or with `instance` for good."""
    source = config.source
    assert isinstance(source, KafkaInput)
    return f"{_family(config)}{source.instance or uuid.uuid4().hex}"


def _family(config: Config) -> str:
    """Give what the transactional ids of all of this job's workers begin with."""
    assert isinstance(config.source, KafkaInput)
    return f"{config.source.group}-"


def _run_file(
    config: Config,
    source: FileInput,
    parts: Callable[[Callable[[str], BatchDecoder]], Parts],
    stop: Stop,
) -> None:
    opened = open_source(source, stop)

    def decoder(name: str) -> BatchDecoder:
        return BatchDecoder(
            config.schema(),
            origin=name,
            columns=opened.columns,
            delimiter=opened.delimiter,
            max_ahead=config.events.max_ahead,
        )

    made = parts(decoder)
    made.metrics.connected.set(1)
    FileJob(source, opened, made).run()


def _run_kafka(
    config: Config,
    source: KafkaInput,
    delivery: Delivery,
    binary: BinaryDecoder | None,
    parts: Callable[[Callable[[str], BatchDecoder]], Parts],
) -> None:
    from streamgmm.service.kafka_job import KafkaJob

    def decoder(name: str) -> BatchDecoder:
        return BatchDecoder(
            config.schema(), origin=name, max_ahead=config.events.max_ahead, decoder=binary
        )

    sole: SoleWorker | None = None

    def connect(owner: Owner) -> Source:
        if sole is not None:
            sole.await_turn()
        return client_of(config).source(
            connection(source, config, made.stop.check),
            topics=source.topics,
            group=source.group,
            start=source.start,
            owner=owner,
            max_records=source.batch_size,
            instance=source.instance,
            session_timeout=source.session_timeout,
            with_headers=made.tracer.wants_headers,
        )

    made = parts(decoder)
    if config.model.scope == "topic":
        sole = SoleWorker(
            source.group,
            lambda: workers_of(config, besides=source.instance),
            patience=source.session_timeout + 1.0,
            check=made.stop.check,
        )
    KafkaJob(
        connect,
        delivery,
        batch_wait=source.batch_wait,
        sole=sole,
        parts=made,
    ).run()

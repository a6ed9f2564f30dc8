"""docker and docker compose, as far as goes without an engine."""

from __future__ import annotations

import yaml

import streamgmm
from streamgmm.cli import _parser
from tests.deploy.checkers import check
from tests.docs.checks.asked import Wrong, needs, options


def docker(arguments: list[str]) -> None:
    verb, *rest = arguments
    if verb == "compose":
        _compose(rest)
    elif verb == "build":
        given, (context,) = options("docker build", rest, "-f", "-t")
        check("hadolint", needs(given.f))
        needs(context)
        _is_ours(given.t)
    elif verb == "run":
        given, (image, *command) = options(
            "docker run", rest, "-v*", "-p*", "-e*", "--name", "--network"
        )
        for volume in given.v:
            source = volume.partition(":")[0]
            if "/" in source:
                needs(source)
        _is_ours(image)
        if command:
            _parser().parse_args(command)
    else:
        raise Wrong(f"docker {verb} is not known here: compose, build, run")


def _compose(arguments: list[str]) -> None:
    given, (verb, *names) = options("docker compose", arguments, "-f")
    file = needs(given.f)
    check("check-jsonschema", "--builtin-schema", "vendor.compose-spec", file)
    if verb not in {"up", "down", "logs", "ps", "restart", "stop", "pull"}:
        raise Wrong(f"docker compose {verb} is not known here")
    services = yaml.safe_load(file.read_text("utf-8"))["services"]
    if missing := set(names) - set(services):
        raise Wrong(f"{file} has no service {', '.join(missing)}")


def _is_ours(image: str) -> None:
    if image.rpartition("/")[2] != f"streamgmm:{streamgmm.__version__}":
        raise Wrong(f"the image is streamgmm:{streamgmm.__version__}, not {image}")

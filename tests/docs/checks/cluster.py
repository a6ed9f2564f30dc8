"""kubectl and helm, as far as goes without a cluster."""

from __future__ import annotations

import json
import re
import tempfile
from typing import Any

import yaml

from streamgmm.config import load
from tests.deploy.checkers import check
from tests.deploy.kubernetes import validate
from tests.docs.checks.asked import Wrong, needs, options


def kubectl(arguments: list[str]) -> None:
    verb, *rest = arguments
    if verb != "apply":
        raise Wrong(f"kubectl {verb} is not known here: apply")
    given, _ = options("kubectl", rest, "-f", "-n", "--namespace")
    objects = [one for one in yaml.safe_load_all(needs(given.f).read_text("utf-8")) if one]
    validate({f"{one['kind']} {one['metadata']['name']}": one for one in objects})


def helm(arguments: list[str]) -> None:
    verb, *rest = arguments
    if verb not in {"install", "upgrade", "template"}:
        raise Wrong(f"helm {verb} is not known here: install, upgrade, template")
    given, (_, chart) = options(
        "helm",
        rest,
        "--set*",
        "--set-file*",
        "--set-string*",
        "-f*",
        "-n",
        "--namespace",
        "--version",
    )
    needs(f"{chart}/Chart.yaml")
    values = yaml.safe_load(needs(f"{chart}/values.yaml").read_text("utf-8"))
    for file in given.f:
        _values(yaml.safe_load(needs(file).read_text("utf-8")), chart)
    for setting in [*given.set, *given.set_string]:
        for one in re.split(r"(?<!\\),", setting):
            _value_of(values, one.partition("=")[0])
    for setting in given.set_file:
        key, _, file = setting.partition("=")
        _value_of(values, key)
        if key == "job":
            load(needs(file), env={})


def _value_of(values: Any, key: str) -> None:
    for name in re.split(r"(?<!\\)\.", key):
        if not isinstance(values, dict) or (values and name not in values):
            raise Wrong(f"values.yaml has no {key}")
        values = values.get(name)


def _values(tree: dict[str, Any], chart: str) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(tree, file)
        file.flush()
        check("check-jsonschema", "--schemafile", f"{chart}/values.schema.json", file.name)

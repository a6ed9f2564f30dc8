"""YAML and PromQL blocks: judged by the schemas and checkers of what they are parts of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from tests.deploy.checkers import check
from tests.deploy.kubernetes import validate
from tests.docs.blocks import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.docs.blocks import Block

_VALUES = ROOT / "deploy" / "helm" / "streamgmm" / "values.schema.json"


def look_at_yaml(block: Block, folder: Path) -> str:
    """Find what a block is a part of, and have it checked as that."""
    file = folder / "block.yaml"
    file.write_text(block.text, "utf-8")
    objects = [one for one in yaml.safe_load_all(block.text) if one]
    first = objects[0]
    if "apiVersion" in first:
        validate({f"{one['kind']} {one['metadata']['name']}": one for one in objects})
        return "by the schemas of Kubernetes"
    if "services" in first:
        check("check-jsonschema", "--builtin-schema", "vendor.compose-spec", file)
        return "by the schema of compose"
    if "groups" in first:
        check("promtool", "check", "rules", file)
        return "by promtool check rules"
    if "scrape_configs" in first:
        check("promtool", "check", "config", "--syntax-only", file)
        return "by promtool check config"
    if "jobs" in first:
        check("check-jsonschema", "--builtin-schema", "vendor.github-workflows", file)
        return "by the schema of GitHub's workflows"
    if "receivers" in first and "service" in first:
        return _collector(first)
    if "rules" in first and "custom" in first["rules"]:
        return _adapter(first)
    check("check-jsonschema", "--schemafile", _VALUES, file)
    return "by the chart's schema of values"


def look_at_promql(block: Block, folder: Path) -> str:
    """Have each expression parsed, and see that its metrics are ours."""
    expressions = [one for one in re.split(r"\n\s*\n", block.text) if one.strip()]
    rules = [{"record": f"one:{i}", "expr": expr} for i, expr in enumerate(expressions)]
    file = folder / "block.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "block", "rules": rules}]}), "utf-8")
    check("promtool", "check", "rules", file)
    _are_ours(block.text)
    return "by promtool check rules"


def _adapter(tree: dict[str, Any]) -> str:
    """Look at rules of prometheus-adapter, which has no checker of its own."""
    for rule in tree["rules"]["custom"]:
        assert set(rule) <= {"seriesQuery", "seriesFilters", "resources", "name", "metricsQuery"}, (
            rule
        )
        _are_ours(rule["seriesQuery"])
    return "members of prometheus-adapter's rules, and that the metric is ours"


def _collector(tree: dict[str, Any]) -> str:
    """Look at a configuration of OpenTelemetry's collector: pipelines of what is defined."""
    for name, pipeline in tree["service"]["pipelines"].items():
        for kind in ("receivers", "processors", "exporters"):
            missing = set(pipeline.get(kind, [])) - set(tree.get(kind, {}))
            assert not missing, f"pipeline {name} names {kind} that are not defined: {missing}"
    return "that the collector's pipelines name what is defined"


def _are_ours(text: str) -> None:
    known = (ROOT / "docs" / "metrics.md").read_text("utf-8") + "".join(
        path.read_text("utf-8") for path in (ROOT / "deploy" / "prometheus").glob("*.yml")
    )
    for name in re.findall(r"\bstreamgmm_\w+|\bstreamgmm:[\w:]+", text):
        whole = re.sub(r"_(bucket|sum|count)$", "", name)
        assert name in known or f"`{whole}`" in known, f"there is no metric {name}"

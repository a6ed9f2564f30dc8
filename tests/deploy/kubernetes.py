"""Manifests as Kubernetes would judge them, as far as its schemas go."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import yaml

# The oldest that the chart allows, and the newest whose schemas are at hand.
VERSIONS = ("1.27", kubernetes_validate.latest_version())


def manifests(text: str) -> dict[str, dict[str, Any]]:
    """Read what `helm template` gives: kind -> object, with its name where that is another."""
    objects = [one for one in yaml.safe_load_all(text) if one]
    release = next(one for one in objects if one["kind"] == "StatefulSet")["metadata"]["name"]
    found = {}
    for one in objects:
        name = one["metadata"]["name"]
        found[one["kind"] if name == release else f"{one['kind']} {name}"] = one
    assert len(found) == len(objects), "two of a kind and name"
    return found


def validate(objects: dict[str, dict[str, Any]]) -> None:
    """See that each is valid, and has nothing that Kubernetes does not know."""
    for version in VERSIONS:
        for one in objects.values():
            kubernetes_validate.validate(one, version, strict=True)


def container_of(objects: dict[str, dict[str, Any]]) -> dict[str, Any]:
    (container,) = objects["StatefulSet"]["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = container
    return found


def environment_of(objects: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Give what the first worker has in its environment."""
    name = objects["StatefulSet"]["metadata"]["name"]
    return {one["name"]: one.get("value", f"{name}-0") for one in container_of(objects)["env"]}

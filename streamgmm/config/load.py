"""Reads a configuration: a TOML file, then the environment, then the caller's own changes."""

from __future__ import annotations

import os
import tomllib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamgmm.config.messages import nearest
from streamgmm.config.reader import Reader
from streamgmm.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamgmm.config.job import Config


def load(
    path: str | os.PathLike[str],
    *,
    env: Mapping[str, str] | None = None,
    changes: Mapping[str, Mapping[str, Any]] | None = None,
) -> Config:
    """Read a job's configuration from a file.

    Parameters
    ----------
    path
        A TOML file.
    env
        Where ``STREAMGMM__SECTION__KEY`` are looked up; None is the process's environment.
    changes
        Section -> key -> value, put over the file and the environment (for options of the
        command line). A changed ``type`` replaces the whole section.

    Raises
    ------
    ConfigError
        With everything that was found wrong.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{os.fspath(path)}: cannot be read ({error.strerror}); name a TOML file"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{os.fspath(path)}: not UTF-8 text (byte {error.start}); name a TOML file"
        ) from None
    return loads(text, name=os.fspath(path), env=env, changes=changes)


def loads(
    text: str,
    *,
    name: str = "configuration",
    env: Mapping[str, str] | None = None,
    changes: Mapping[str, Mapping[str, Any]] | None = None,
) -> Config:
    """Read a job's configuration from TOML text; `name` stands for it in messages."""
    try:
        tables = tomllib.loads(text)
    except ValueError as error:  # a TOMLDecodeError, or a number of thousands of digits
        raise ConfigError(f"{name}: not valid TOML: {error}") from None
    reader = Reader(name, tables)
    reader.apply_environment(os.environ if env is None else env)
    for section, keys in (changes or {}).items():
        reader.apply_changes(section, keys)
    return reader.config()


def preset_names() -> list[str]:
    """Return the names of the configurations that ship with the package."""
    folder = resources.files("streamgmm") / "presets"
    if not folder.is_dir():
        return []
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    )


def load_preset(
    name: str,
    *,
    env: Mapping[str, str] | None = None,
    changes: Mapping[str, Mapping[str, Any]] | None = None,
) -> Config:
    """Read one of the configurations that ship with the package."""
    names = preset_names()
    if name not in names:
        raise ConfigError(f"no preset {name!r}{nearest(name, names)}")
    text = (resources.files("streamgmm") / "presets" / f"{name}.toml").read_text(encoding="utf-8")
    return loads(text, name=f"preset {name}", env=env, changes=changes)

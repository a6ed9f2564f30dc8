"""Whether a tag may be released, and what is said of it.

python -m tools.release check v1.2.3    # exits 1 and says what does not agree
python -m tools.release notes v1.2.3    # the section of CHANGELOG.md
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
_SECTION: Final = re.compile(r"^## \[(\d+\.\d+\.\d+[^\]]*)\] - (\d{4}-\d\d-\d\d)\n", re.MULTILINE)
_NEXT: Final = re.compile(r"^## ", re.MULTILINE)


def released(changelog: Path) -> dict[str, str]:
    """Give what a changelog says of each version with a date: those that were released."""
    text = changelog.read_text("utf-8")
    sections = {}
    for match in _SECTION.finditer(text):
        following = _NEXT.search(text, match.end())
        body = text[match.end() : following.start() if following else len(text)]
        sections[match.group(1)] = body.strip()
    return sections


def version_of(package: Path) -> str:
    """Give ``__version__`` as the package's source has it; nothing is imported."""
    for statement in ast.parse(package.read_text("utf-8")).body:
        match statement:
            case ast.Assign(
                targets=[ast.Name(id="__version__")], value=ast.Constant(value=str(one))
            ):
                return one
    raise ValueError(f'{package} has no line __version__ = "..."')


def problems(tag: str, root: Path = ROOT) -> list[str]:
    """Say what keeps a tag from being released."""
    version = version_of(root / "streamgmm" / "__init__.py")
    found = []
    if tag != f"v{version}":
        found.append(f"the tag is {tag}, and streamgmm.__version__ says {version}: tag v{version}")
    sections = released(root / "CHANGELOG.md")
    if version not in sections:
        found.append(f"CHANGELOG.md has no section `## [{version}] - YYYY-MM-DD`")
    elif not sections[version]:
        found.append(f"CHANGELOG.md says nothing of {version}")
    folder = root / "tests" / "releases" / version
    if not (folder / "release.json").is_file():
        found.append(f"tests/releases/{version} is missing: make release-fixture")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["check", "notes"])
    parser.add_argument("tag", help="such as v1.2.3")
    given = parser.parse_args(arguments)
    found = problems(given.tag)
    for problem in found:
        print(f"{given.tag} cannot be released: {problem}", file=sys.stderr)
    if not found and given.what == "notes":
        print(released(ROOT / "CHANGELOG.md")[given.tag.removeprefix("v")])
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

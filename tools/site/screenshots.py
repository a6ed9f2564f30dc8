"""Photographs pages of the built site, light, dark and on a phone: `make docs-screenshots`.

The pictures go to `build/docs/screenshots`; they are for whoever looks after the site, and are not
kept. Without names of pages those named here are taken.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.browser import DESK, PHONE, chromium

ROOT = Path(__file__).parents[2]
SITE, PLACE = ROOT / "build/docs/html", ROOT / "build/docs/screenshots"
PAGES = ("index", "readme", "concepts", "configuration", "metrics", "plots", "mathematics")
LOOKS = {
    "light": {"viewport": DESK, "color_scheme": "light"},
    "dark": {"viewport": DESK, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "light", "device_scale_factor": 2},
}


def main() -> None:
    """Photograph the top of each page, or, with --whole, all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", default=PAGES, help="such as howto/size")
    parser.add_argument("--whole", action="store_true", help="not the top of a page alone")
    parser.add_argument("--look", choices=LOOKS, action="append", help="all of them otherwise")
    options = parser.parse_args()
    PLACE.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for look in options.look or LOOKS:
            context = browser.new_context(**LOOKS[look], reduced_motion="reduce")
            page = context.new_page()
            for name in options.pages:
                page.goto((SITE / f"{name}.html").as_uri())
                file = PLACE / f"{name.replace('/', '-')}-{look}.png"
                page.screenshot(path=file, full_page=options.whole)
    print(f"pictures of {len(options.pages)} pages: {PLACE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

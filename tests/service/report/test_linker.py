"""Modules as one script."""

from __future__ import annotations

import pytest

from streamgmm.service.report.linker import link

MODULES = {
    "report/main.js": 'import { twice as double } from "../assets/a.js";\n'
    'import { one } from "./b.js";\n\nglobalThis.told = double(one);\n',
    "assets/a.js": "export const twice = (x) => 2 * x;\n",
    "report/b.js": 'import { twice } from "../assets/a.js";\n\nexport function one() {}\n',
}


def test_a_module_stands_once_before_all_that_import_it() -> None:
    script = link("report/main.js", MODULES.__getitem__)
    names = [line.split()[1] for line in script.splitlines() if line.startswith("const $")]
    assert names == ["$assets_a_js", "$report_b_js", "$report_main_js"]
    assert "const { twice: double } = $assets_a_js;" in script
    assert "return { one };" in script
    assert "import" not in script
    assert "export" not in script


@pytest.mark.parametrize(
    "line",
    [
        "export default 1;",
        'import x from "./b.js";',
        'import "./b.js";',
        "export { x };",
        "export const { a, b } = c;",
    ],
)
def test_what_it_cannot_link_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="no import or export"):
        link("m.js", {"m.js": f"{line}\n"}.__getitem__)


def test_a_circle_is_refused() -> None:
    modules = {
        "a.js": 'import { b } from "./b.js";\nexport const a = 1;\n',
        "b.js": 'import { a } from "./a.js";\nexport const b = 1;\n',
    }
    with pytest.raises(ValueError, match=r"a\.js -> b\.js -> a\.js"):
        link("a.js", modules.__getitem__)

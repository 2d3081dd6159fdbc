"""Parts are light: none of these modules imports a heavy library."""

import subprocess
import sys

MODULES = (
    "edt.teachers.local", "edt.teachers.pocket", "edt.teachers.fakes", "edt.diagnosis.answer_switch",
    "edt.diagnosis.in_context", "edt.diagnosis.baselines",
    "edt.diagnosis.per_step", "edt.diagnosis.pseudo_rationale", "edt.pocket.oracle", "edt.selection.bm25",
    "edt.selection.baselines",
    "edt.teachers.api", "edt.teachers.bundle", "edt.teachers.replay",
)  # fmt: skip


def test_importing_parts_imports_no_torch():
    code = (
        f"import sys\nfor name in {MODULES!r}: __import__(name)\n"
        "print([m for m in ('torch', 'transformers', 'peft', 'numpy', 'rank_bm25', 'openai') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

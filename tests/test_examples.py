"""Every example runs, and says what it is there to say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
# The demonstration is a task of its own (make demo): it takes its time beside plain NumPy.
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("*.py") if path.name not in ("data.py", "demo.py"))


def run(name, folder):
    environment = {**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": str(EXAMPLES.parent)}
    command = [sys.executable, "-W", "error", str(EXAMPLES / name)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_example(name, tmp_path):
    out = run(name, tmp_path)
    lines = out.strip().splitlines()
    if name == "choosing_alpha.py":
        assert {path.suffix for path in tmp_path.iterdir()} == {".png"}
        assert "1 standard error" in out
    elif name == "selecting_genes.py":
        loose, ours = lines[2].split(), lines[-1].split()
        assert int(loose[-1]) > 10
        assert int(ours[-1]) == 0
    elif name == "sparse_text.py":
        assert "stopped: the held-out deviance" in lines[0]
    elif name == "three_dialects.py":
        # Equal numbers side by side, up to the sign of zero.
        rows = [line[64:].replace("-0.00000", " 0.00000") for line in lines]
        assert rows[0] == rows[1] == rows[2]
        assert rows[3] == rows[4]
    else:
        pytest.fail(f"no expectation is written down for {name}")


def test_there_are_examples():
    assert len(SCRIPTS) >= 4

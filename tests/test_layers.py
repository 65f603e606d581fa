"""Imports go downward only, and importing fastreg costs little."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "fastreg"

# From the top down; a module may import from its own layer and from those below, never sideways or upward.
LAYERS = [
    {"estimators", "pictures"},
    {"selection"},
    {"path"},
    {"solver"},
    {"problem", "subproblem"},
    {"loss", "penalty"},
    {"design"},
    {"runtime"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
CIMPORT = re.compile(r"^\s*from\s+fastreg\.([\w.]+)\s+cimport|^\s*cimport\s+fastreg\.([\w.]+)", re.MULTILINE)


def imported(path):
    """Every fastreg module that a source file imports or cimports, anywhere in it."""
    text = path.read_text()
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fastreg"):
                yield from (
                    [node.module] if node.module != "fastreg" else [f"fastreg.{alias.name}" for alias in node.names]
                )
                assert node.level == 0
            elif isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names if alias.name.startswith("fastreg"))
        return
    for match in CIMPORT.finditer(text):
        yield "fastreg." + (match.group(1) or match.group(2))
    for match in re.finditer(r"^\s*(?:from|import)\s+(fastreg[\w.]*)", text, re.MULTILINE):
        yield match.group(1)


SOURCES = sorted(p for suffix in ("py", "pyx", "pxd") for p in PACKAGE.rglob(f"*.{suffix}"))


@pytest.mark.parametrize("path", [str(p.relative_to(PACKAGE)) for p in SOURCES])
def test_imports_go_downward(path):
    layer = Path(path).parts[0]
    if layer == "__init__.py":
        return
    for module in imported(PACKAGE / path):
        target = module.split(".")[1]
        if layer == "reference":
            assert target == "reference", f"{path} imports {module}: the reference stands alone"
            continue
        assert target != "reference", f"{path} imports {module}: only tests and benchmarks may"
        assert target == layer or LEVEL[target] > LEVEL[layer], f"{path} imports {module}: upward or sideways"


def test_every_folder_is_a_layer():
    folders = {p.name for p in PACKAGE.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert folders - {"reference"} <= set(LEVEL)
    assert len(SOURCES) > 30


def test_upward_imports_would_be_found(tmp_path):
    source = tmp_path / "wrong.pyx"
    source.write_text("from fastreg.solver.ridge import RidgeSolver\nfrom fastreg.path.loop cimport Trace\n")
    assert set(imported(source)) == {"fastreg.solver.ridge", "fastreg.path.loop"}


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_import_needs_numpy_and_scipy_alone():
    out = run(
        "import sys, numpy, scipy.sparse.linalg\n"
        "before = set(sys.modules)\n"
        "import fastreg\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new & {'sklearn', 'pandas', 'matplotlib', 'tqdm', 'polars', 'joblib', 'threadpoolctl'}))\n"
        "print('fastreg.estimators' in sys.modules)\n"
    )
    assert out.split("\n")[:2] == ["[]", "False"]


def test_estimators_are_lazy_and_listed():
    out = run(
        "import fastreg; print('Lasso' in dir(fastreg)); fastreg.Lasso; import sys; print('sklearn' in sys.modules)"
    )
    assert out.split() == ["True", "True"]


def test_missing_scikit_learn_is_explained():
    out = run(
        "import sys; sys.modules['sklearn'] = None\n"
        "import fastreg\n"
        "try:\n    fastreg.Lasso\n"
        "except ImportError as error:\n    print(error)\n"
    )
    assert "pip install 'fastreg[sklearn]'" in out


def test_unknown_attributes_are_refused():
    import fastreg

    with pytest.raises(AttributeError, match="no attribute 'Lars'"):
        fastreg.Lars


def test_typed():
    assert (PACKAGE / "py.typed").exists()

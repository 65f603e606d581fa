"""Pictures: what is drawn is what the results say."""

import subprocess
import sys
from itertools import pairwise

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from designs import make_data
from matplotlib.text import Text

import fastreg

A, Y = make_data(60, 12, seed=91)


@pytest.fixture(autouse=True)
def _closed_figures():
    yield
    plt.close("all")


def test_plot_path():
    path = fastreg.fit_path(A, Y)
    ax = fastreg.plot_path(path, names=3)
    lines = [line for line in ax.get_lines() if len(line.get_xdata()) == 100]
    coefs = path.coefs.toarray()
    assert len(lines) == (coefs != 0).any(axis=1).sum()
    drawn = sorted(tuple(line.get_ydata()) for line in lines)
    assert drawn == sorted(tuple(row) for row in coefs if row.any())
    largest = set(np.argsort(-np.abs(coefs[:, -1]))[:3])
    assert {text.get_text() for text in ax.texts} == {f"x{j}" for j in largest}
    assert ax.get_xscale() == "log"
    # alpha falls from left to right.
    assert ax.get_xlim()[0] > ax.get_xlim()[1]


def test_labels_do_not_overlap():
    X, y = make_data(80, 60, seed=3)
    fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
    assert fastreg.plot_path(fastreg.fit_path(X, y, alpha_min_ratio=1e-3), ax, names=12) is ax
    fig.canvas.draw()
    # The box of the text alone, without the line that leads to it.
    boxes = [Text.get_window_extent(text) for text in ax.texts]
    assert len(boxes) == 12
    boxes.sort(key=lambda box: box.y0)
    assert all(below.y1 <= above.y0 + 1 for below, above in pairwise(boxes))
    assert all(box.x0 >= 0 and box.x1 <= fig.bbox.width for box in boxes)
    ticks = [label.get_window_extent() for label in ax.child_axes[0].get_xticklabels()]
    ticks.sort(key=lambda box: box.x0)
    assert all(left.x1 <= right.x0 for left, right in pairwise(ticks))


def test_names_and_targets():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(A, columns=[f"gene {j}" for j in range(12)])
    path = fastreg.fit_path(frame, np.c_[Y, -Y], n_alphas=20)
    ax = fastreg.plot_path(path, target=1)
    assert all(text.get_text().startswith("gene ") for text in ax.texts)
    with pytest.raises(ValueError, match="target: expected 0 to 1"):
        fastreg.plot_path(path, target=2)
    with pytest.raises(ValueError, match="positive alpha"):
        fastreg.plot_path(fastreg.fit_path(A, Y, alphas=[0.0]))


def test_paths_with_nothing_or_zero_in_them():
    fastreg.plot_path(fastreg.fit_path(A, np.zeros(60), n_alphas=5))
    path = fastreg.fit_path(A, Y, alphas=[1.0, 0.1, 0.0])
    ax = fastreg.plot_path(path)
    assert max(len(line.get_xdata()) for line in ax.get_lines()) == 2


def test_plot_cv():
    cv = fastreg.cross_validate_path(A, Y, cv=5)
    ax = fastreg.plot_cv(cv)
    points = ax.containers[0].lines[0]
    np.testing.assert_array_equal(points.get_xdata(), cv.path.alphas)
    np.testing.assert_array_equal(points.get_ydata(), cv.mean)
    marked = [line.get_xdata()[0] for line in ax.get_lines() if len(line.get_xdata()) == 2]
    assert marked == [cv.alpha_best, cv.alpha_1se]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert f"{cv.alpha_best:.3g}" in labels[0]
    assert labels[1].startswith("one standard error")
    scored = fastreg.cross_validate_path(A, Y, cv=3, n_alphas=5, scoring=lambda y, p, sample_weight: 1.0)
    assert fastreg.plot_cv(scored).get_ylabel() == "score"


def test_missing_matplotlib_is_explained():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import fastreg\n"
        "try:\n    fastreg.plot_path\n"
        "except ImportError as error:\n    print(error)\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pip install 'fastreg[plot]'" in out

"""Pictures of paths and of cross-validations; matplotlib is needed from here on."""

try:
    import matplotlib  # noqa: F401
except ImportError as error:
    raise ImportError(
        "The pictures of fastreg need matplotlib. Install it with: pip install 'fastreg[plot]'."
    ) from error

from fastreg.pictures.cross_validation import plot_cv
from fastreg.pictures.path import plot_path

__all__ = ["plot_cv", "plot_path"]

"""Small tables of text, which notebooks show as HTML."""

from collections.abc import Sequence
from html import escape
from typing import Any


def import_pandas() -> Any:
    """Return pandas, with a word on how to get it where it is missing."""
    try:
        import pandas
    except ImportError as error:
        raise ImportError("to_frame needs pandas. Install it with: pip install pandas") from error
    return pandas


def number(value: Any) -> str:
    """Return a table's way to write a value: four digits for a float, everything else as it is."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


class Table:
    """Rows of values under column heads.

    Attributes
    ----------
    title : str
    heads : list of str
    rows : list of tuples, of the length of heads
    """

    def __init__(self, title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self.title, self.heads, self.rows = title, list(heads), [tuple(row) for row in rows]

    def __repr__(self) -> str:
        """Return the table as text: columns aligned to the right, the first to the left."""
        cells = [self.heads, *([number(value) for value in row] for row in self.rows)]
        widths = [max(len(row[k]) for row in cells) for k in range(len(self.heads))]
        lines = [
            "  ".join(text.ljust(width) if k == 0 else text.rjust(width) for k, (text, width) in enumerate(pairs))
            for pairs in ([*zip(row, widths, strict=True)] for row in cells)
        ]
        return "\n".join([self.title, *(line.rstrip() for line in lines)])

    def _repr_html_(self) -> str:
        heads = "".join(f"<th>{escape(head)}</th>" for head in self.heads)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(number(value))}</td>" for value in row) + "</tr>" for row in self.rows
        )
        return f"<table><caption>{escape(self.title)}</caption><tr>{heads}</tr>{rows}</table>"

"""Write the API reference, made from the docstrings, to docs/api: python docs/make_api.py."""

from pathlib import Path

import pdoc
import pdoc.render

import fastreg


def main() -> None:
    """Look every public name up, so that the lazy ones are there, and render them."""
    for name in fastreg.__all__:
        getattr(fastreg, name)
    pdoc.render.configure(docformat="numpy", show_source=False)
    folder = Path(__file__).parent / "api"
    pdoc.pdoc("fastreg", output_directory=folder)
    text = (folder / "fastreg.html").read_text()
    missing = [name for name in fastreg.__all__ if f'id="{name}"' not in text]
    if missing:
        raise SystemExit(f"not in the reference: {', '.join(missing)}")
    print(f"written: {folder / 'index.html'}")


if __name__ == "__main__":
    main()

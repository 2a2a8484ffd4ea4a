"""The sheet that every picture is drawn on: width, type and the PNG that leaves.

matplotlib is imported by the functions that draw: nothing else that imports these modules pays for it.
"""

import io

STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
}
DOUBLE_COLUMN_INCHES = 174 / 25.4


def canvas(height: float, panels: int = 1):
    """Return a figure of double-column width (inches high) and its axes."""
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(DOUBLE_COLUMN_INCHES, height))
        if panels == 1:
            axes = figure.subplots()
            figure.subplots_adjust(left=0.075, right=0.985, top=0.93, bottom=0.15)
            return figure, axes
        axes = figure.subplots(1, panels)
        top, bottom = 1 - 0.34 / height, 0.4 / height
        figure.subplots_adjust(left=0.235, right=0.825, top=top, bottom=bottom, wspace=0.85)
        return figure, axes


def picture_of_words(message: str, dpi: int) -> bytes:
    """Return a picture that says why there is nothing to draw."""
    figure, axes = canvas(1.2)
    with style():
        axes.axis("off")
        axes.text(0.5, 0.5, message, ha="center", va="center", transform=axes.transAxes, fontsize=9)
        return png(figure, dpi)


def style():
    """Return a context in which the type and lines of every picture are the same."""
    from matplotlib import rc_context

    return rc_context(STYLE)


def png(figure, dpi: int, mark: str = "") -> bytes:
    """Return the figure, with a mark in its corner, as PNG without a time or a version in it.

    In 256 colours that are chosen for it: less than half of the bytes, and the eye finds no difference.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    figure.text(0.995, 0.008, mark, ha="right", va="bottom", fontsize=7, fontstyle="italic", color="#505050")
    figure.set_dpi(dpi)
    drawn = FigureCanvasAgg(figure)
    drawn.draw()
    picture = Image.frombuffer("RGBA", drawn.get_width_height(), drawn.buffer_rgba()).convert("RGB")
    content = io.BytesIO()
    picture.quantize(dither=Image.Dither.NONE).save(content, "PNG", dpi=(dpi, dpi))
    return content.getvalue()

"""One theme after another: what the combinations of grid.py don't have."""

import themes_media
import themes_models
import themes_odd
import themes_tools


def write(book):
    themes_models.write(book)
    themes_tools.write(book)
    themes_media.write(book)
    themes_odd.write(book)

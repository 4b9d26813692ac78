"""The colours of all pictures, how two of them are mixed, and which ink can be read on one.

Blue and orange are told apart by nearly everybody; green and red are not.
"""

from __future__ import annotations

BLUE, ORANGE, GREEN, GREY, VIOLET = "#2f6f9f", "#d1622b", "#4a8c5c", "#9aa5ad", "#7d5aa0"
DARK, WHITE = "#10161a", "#ffffff"


def mixed(ground: str, colour: str, share: float) -> str:
    """The colour that lies a share of the way from a ground to a colour, in each of red, green and blue.

    Args:
        ground: a colour as ``#rrggbb``.
        colour: another.
        share: from 0 (the ground) to 1 (the colour).

    Example:
        >>> mixed("#000000", "#ffffff", 0.2)
        '#333333'
    """
    parts = (round(a + share * (b - a)) for a, b in zip(_parts(ground), _parts(colour), strict=True))
    return "#" + "".join(f"{part:02x}" for part in parts)


def ink_on(ground: str) -> str:
    """Dark or white, whichever stands out more from a ground; the contrast is at least 4.2 to 1.

    Args:
        ground: a colour as ``#rrggbb``.

    Example:
        >>> ink_on("#ffffff"), ink_on("#000080")
        ('#10161a', '#ffffff')
    """
    return max((DARK, WHITE), key=lambda ink: contrast(ink, ground))


def contrast(one: str, other: str) -> float:
    """(L1 + 0.05) / (L2 + 0.05) with the luminance L1 of the lighter colour: from 1 to 21, 4.5 can be read well.

    Source: Web Content Accessibility Guidelines 2.2, relative luminance and contrast ratio.

    Example:
        >>> contrast("#000000", "#ffffff")
        21.0
    """
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _shares(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _shares(colour: str) -> list[float]:
    return [part / 255 for part in _parts(colour)]


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)

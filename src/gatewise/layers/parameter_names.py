"""The names of a layer's parameters, as torch.nn gives them."""

from __future__ import annotations


def parameter_name(name: str, layer: int, reverse: bool = False) -> str:
    """The name in ``state_dict`` of one parameter of one layer and direction.

    Args:
        name: what the cell calls it, such as ``weight_ih``.
        layer: 0 or more.
        reverse: whether it belongs to the direction that reads backwards.

    Example:
        >>> parameter_name("weight_hh", 1, reverse=True)
        'weight_hh_l1_reverse'
    """
    return f"{name}_l{layer}{'_reverse' if reverse else ''}"

"""What the commands say of a model and of its measures, for a reader."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gatewise.lm.measures import per_token
from gatewise.tasks.language_model.model import Evaluation

_TOKENS = {"char": "character", "word": "word", "byte": "byte"}


INFINITE = "infinite: a token has probability 0 under this model"


def one_line(scores: Mapping[str, Any]) -> str:
    """Measures on one line.

    Example:
        >>> scores = {"loss": 1.5, "perplexity_per_token": 4.48, "bits_per_character": None, "tokens": 1000}
        >>> one_line(scores | {"unknown": 31})
        'loss 1.5000 nats per token, perplexity 4.48 per token, 1,000 tokens, 3.10% of them unknown'
    """
    bits = scores["bits_per_character"]
    if scores["loss"] is None:
        parts = [f"loss {INFINITE}"]
    else:
        parts = [
            f"loss {scores['loss']:.4f} nats per token",
            per_token(scores["perplexity_per_token"]),
        ]
    known = scores.get("without_unknown")
    parts += [
        *([] if bits is None else [f"{bits:.4f} bits per character"]),
        f"{scores['tokens']:,} tokens, {scores['unknown'] / scores['tokens']:.2%} of them unknown",
        *([f"without them {per_token(known['perplexity_per_token'])}"] if known and known["loss"] else []),
    ]
    return ", ".join(parts)


def evaluation(found: Evaluation, level: str) -> str:
    """Measures as a table: a name, a value, and per what."""
    measure = found.measure
    token = f"token ({_TOKENS.get(level, level + ' piece')})"
    told = f"nats per {token}" if math.isfinite(measure.nats) else INFINITE
    rows = [("loss", f"{measure.nats_per_token:.4f}", told)]
    if measure.nats_per_character is not None:
        rows.append(("", f"{measure.nats_per_character:.4f}", "nats per character"))
    rows.append(("bits", f"{measure.bits_per_token:.4f}", f"bits per {token}"))
    if measure.bits_per_character is not None:
        rows.append(("", f"{measure.bits_per_character:.4f}", "bits per character"))
    lost = "" if measure.characters else "not all held by the tokens, so nothing is said per character"
    rows += [
        ("perplexity", f"{measure.perplexity:,.4f}", f"per {token} = exp(loss) = 2^bits"),
        *_known(found),
        ("tokens", f"{measure.tokens:,}", "predicted, ends of texts included"),
        ("characters", f"{found.characters:,}", lost),
        ("unknown", f"{found.unknown:,}", f"tokens ({found.unknown_share:.2%}) stand for what the model does not know"),
    ]
    return "\n".join(f"{name:<11}{value:>12}  {per}".rstrip() for name, value, per in rows)


def _known(found: Evaluation) -> list[tuple[str, str, str]]:
    """What is said of the tokens that are known, where others are not."""
    if found.known is None:
        return []
    known = found.known
    told = f"per token without the {found.unknown:,} unknown ones (loss {known.nats_per_token:.4f} nats)"
    return [("", f"{known.perplexity:,.4f}", told)]

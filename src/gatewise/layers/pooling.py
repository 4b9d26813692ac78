"""Pooling: from the outputs of an encoder at every step to one vector for the whole sequence.

Letters: B batch, T time, F features, A attention.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.layers.arguments import check_flag, check_size
from gatewise.layers.errors import ArgumentError, InputError
from gatewise.layers.lengths import Lengths, read_lengths
from gatewise.layers.output import uniform

KINDS = ("last", "mean", "max", "all", "attention")


class Pooling(nn.Module):
    """One vector of each sequence, from the outputs h_1 ... h_n of an encoder over its n steps.

    - ``last``: h_n; in both directions the first half of h_n beside the second half of h_1, where each of them ended.
    - ``mean``: sum_t h_t / n.
    - ``max``: the largest value of each feature.
    - ``all``: last, max and mean side by side.
    - ``attention``: sum_t a_t h_t, a = softmax over the steps of v^T tanh(W h_t); W [A, F] and v [A] are parameters.

    Steps beyond the length are never read, nor do gradients depend on them. A sequence of length 0 is zeros.

    Args:
        kind: ``"last"``, ``"mean"``, ``"max"``, ``"all"`` or ``"attention"``.
        features: F, at least 1.
        bidirectional: whether the outputs are those of two directions side by side; only ``last`` and ``all`` ask.
        attention_size: A, at least 1; None means F. Only for ``attention``.
        batch_first: outputs are [B, T, F] instead of [T, B, F].
        device: of the parameters.
        dtype: of the parameters.

    Raises:
        ArgumentError: an argument out of its range, or arguments that do not go together.

    Sources: max Collobert et al. 2011; all Howard & Ruder 2018 (arXiv:1801.06146v5), section 3.3; attention Bahdanau et
    al. 2015 (arXiv:1409.0473v7), without the decoder's state.

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> encoder = Recurrent("gru", 3, 4, bidirectional=True)
        >>> pooling = Pooling("all", encoder.output_size, bidirectional=True)
        >>> output, _ = encoder(torch.randn(5, 2, 3), lengths=[5, 2])
        >>> tuple(pooling(output, lengths=[5, 2]).shape), pooling.output_size
        ((2, 24), 24)
    """

    def __init__(
        self,
        kind: str,
        features: int,
        *,
        bidirectional: bool = False,
        attention_size: int | None = None,
        batch_first: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self._where = type(self).__name__
        if kind not in KINDS:
            raise ArgumentError(f"kind must be one of {', '.join(KINDS)}, but {kind!r} was given", where=self._where)
        self.kind = kind
        self.features = check_size("features", features, self._where)
        self.bidirectional = check_flag("bidirectional", bidirectional, self._where)
        self.batch_first = check_flag("batch_first", batch_first, self._where)
        if self.bidirectional and features % 2:
            message = f"the features of two directions are an even number, but {features} was given"
            raise ArgumentError(message, where=self._where)
        if attention_size is not None and kind != "attention":
            raise ArgumentError(
                f"attention_size does nothing with kind={kind!r}", where=self._where, fix="leave it out"
            )
        self.attention_size = 0
        if kind == "attention":
            size = features if attention_size is None else attention_size
            self.attention_size = check_size("attention_size", size, self._where)
            self.weight = nn.Parameter(torch.empty(self.attention_size, features, device=device, dtype=dtype))
            self.vector = nn.Parameter(torch.empty(self.attention_size, device=device, dtype=dtype))
        self.reset_parameters()

    @property
    def output_size(self) -> int:
        """The features of what comes out: 3 F for ``all``, else F."""
        return 3 * self.features if self.kind == "all" else self.features

    def reset_parameters(self) -> None:
        """Draw W and v from U(-1/sqrt(n), 1/sqrt(n)), n being the numbers that each is applied to."""
        if self.kind == "attention":
            uniform(self.weight, self.features)
            uniform(self.vector, self.attention_size)

    def extra_repr(self) -> str:
        """The kind, the features, and what differs from the default."""
        flags = [name for name in ("bidirectional", "batch_first") if getattr(self, name)]
        sizes = [f"attention_size={self.attention_size}"] * (self.kind == "attention")
        return ", ".join([repr(self.kind), str(self.features), *sizes, *(f"{name}=True" for name in flags)])

    def forward(self, outputs: Tensor, *, lengths: Lengths | None = None) -> Tensor:
        """One vector for each sequence.

        Args:
            outputs: [T, B, F] ([B, T, F] with ``batch_first``).
            lengths: of each sequence, 0 to T, in any order; None means that all have T steps.

        Returns:
            [B, output_size].

        Raises:
            InputError: outputs or lengths that do not fit.
        """
        steps, counts, beyond = self._read(outputs, lengths)
        if not len(steps):
            return torch.cat([steps.sum(0)] * (self.output_size // self.features), dim=1)
        if self.kind == "attention":
            return (self._attend(steps, counts, beyond).unsqueeze(-1) * steps).sum(0)
        if self.kind == "last":
            return self._last(steps, counts)
        if self.kind == "max":
            return self._max(steps, beyond)
        mean = steps.sum(0) / counts.clamp(min=1).unsqueeze(-1)
        if self.kind == "mean":
            return mean
        return torch.cat([self._last(steps, counts), self._max(steps, beyond), mean], dim=1)

    def attention(self, outputs: Tensor, *, lengths: Lengths | None = None) -> Tensor:
        """The weights a_t of ``attention``, to explain what was looked at; arguments as of `forward`.

        Returns:
            [T, B] ([B, T] with ``batch_first``); each sequence's sum to 1, zeros beyond the lengths.

        Raises:
            InputError: another kind of pooling; outputs or lengths that do not fit.

        Example:
            >>> Pooling("attention", 4).attention(torch.zeros(2, 2, 4), lengths=[2, 1]).tolist()
            [[0.5, 1.0], [0.5, 0.0]]
        """
        if self.kind != "attention":
            raise InputError(f"pooling by {self.kind} has no attention weights", where=self._where)
        weights = self._attend(*self._read(outputs, lengths))
        return weights.transpose(0, 1) if self.batch_first else weights

    def _read(self, outputs: object, lengths: Lengths | None) -> tuple[Tensor, Tensor, Tensor | None]:
        """The outputs [T, B, F], zeros beyond the lengths; the lengths [B]; and which steps [T, B] are beyond them.

        None for the last where no step is.
        """
        axes = "[batch, time, features]" if self.batch_first else "[time, batch, features]"
        if not isinstance(outputs, Tensor) or outputs.dim() != 3 or outputs.size(2) != self.features:
            came = list(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
            message = f"the outputs came as {came}, expected {axes} with {self.features} features"
            raise InputError(message, where=self._where)
        steps = outputs.transpose(0, 1) if self.batch_first else outputs
        time, batch = steps.shape[:2]
        given = [time] * batch if lengths is None else read_lengths(lengths, batch, time, self._where)
        counts = torch.tensor(given, dtype=torch.int64, device=steps.device)
        if min(given, default=time) == time:
            return steps, counts, None
        beyond = torch.arange(time, device=steps.device)[:, None] >= counts
        # Everything below multiplies or compares what is beyond the lengths too, so that must be no NaN.
        return steps.masked_fill(beyond.unsqueeze(-1), 0), counts, beyond

    def _last(self, steps: Tensor, counts: Tensor) -> Tensor:
        at = (counts - 1).clamp(min=0)[None, :, None].expand(1, -1, self.features)
        last = steps.gather(0, at).squeeze(0)  # for length 0 that is step 0, which was set to zero
        if not self.bidirectional:
            return last
        half = self.features // 2
        return torch.cat([last[:, :half], steps[0, :, half:]], dim=1)

    def _max(self, steps: Tensor, beyond: Tensor | None) -> Tensor:
        if beyond is not None:
            hidden = beyond.clone()
            hidden[0] = False  # of length 0 the zeros remain
            steps = steps.masked_fill(hidden.unsqueeze(-1), -torch.inf)
        # One of equal values gets the gradient; without gradients there is a quicker way to the same number.
        return steps.max(0).values if torch.is_grad_enabled() else steps.amax(0)

    def _attend(self, steps: Tensor, counts: Tensor, beyond: Tensor | None) -> Tensor:
        """The attention weights [T, B]."""
        scores = functional.linear(functional.linear(steps, self.weight).tanh(), self.vector[None]).squeeze(-1)
        if beyond is None:
            return scores.softmax(0)
        # A column of nothing but minus infinity would be NaN: an empty one keeps its scores, and is set to zero after.
        return scores.masked_fill(beyond & (counts > 0), -torch.inf).softmax(0).masked_fill(beyond, 0)

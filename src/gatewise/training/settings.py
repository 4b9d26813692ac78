"""How a network is trained, whatever it learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gatewise.errors import SettingError
from gatewise.settings import Settings, setting


@dataclass(frozen=True)
class TrainingSettings(Settings):
    """The settings of :func:`gatewise.training.loop.fit`.

    Weight decay shrinks matrices (embeddings included), never biases, gains or other vectors.

    With ``max_minutes`` the schedule follows the clock: a step's learning rate is that of the share of the time, or of
    the steps, that is used up by then, whichever is more. Two such runs are never the same, a resumed one included; it
    keeps the time that it had used. Without it nothing depends on the clock.

    Example:
        >>> TrainingSettings(learning_rate=0.01).schedule
        'cosine'
        >>> TrainingSettings(learning_rate=0)
        Traceback (most recent call last):
            ...
        gatewise.errors.SettingError: learning_rate must be a number above 0, but 0 was given
    """

    optimizer: Literal["adamw", "sgd", "nt-asgd"] = setting(
        "adamw", "how a gradient becomes a step; nt-asgd: SGD that averages once validation stops improving"
    )
    learning_rate: float = setting(0.002, "the highest learning rate of the schedule", above=0)
    schedule: Literal["constant", "cosine", "one-cycle", "slanted", "plateau"] = setting(
        "cosine", "how the learning rate goes on after the warm-up; slanted: straight up and down, for fine-tuning"
    )
    warmup: float = setting(0.02, "share of the steps in which the learning rate rises", minimum=0, below=1)
    final_rate: float = setting(0.0, "where cosine ends, as a share of the learning rate", minimum=0, maximum=1)
    plateau_factor: float = setting(
        0.25, "what plateau multiplies the learning rate by when validation does not improve", above=0, below=1
    )
    plateau_patience: int = setting(0, "validations without improvement that plateau overlooks", minimum=0)
    rate_decay: float = setting(
        1.0,
        "how many times slower each group of layers learns than the one above it; 1: all alike, 2.6: usual where a "
        "pretrained network is fine-tuned",
        minimum=1,
        maximum=1000,
    )
    unfreeze_every: float = setting(
        0.0,
        "epochs after which one more group of layers is trained, from the output's down; 0: all from the beginning",
        minimum=0,
        unit="epochs",
    )
    adam_beta1: float = setting(0.9, "decay of adamw's mean of the gradient", minimum=0, below=1)
    adam_beta2: float = setting(0.999, "decay of adamw's mean of the squared gradient", minimum=0, below=1)
    momentum: float = setting(0.0, "momentum of sgd", minimum=0, below=1)
    nonmonotone: int = setting(5, "validations that nt-asgd looks back over before it averages", minimum=1)
    weight_decay: float | None = setting(
        None,
        "weight decay of matrices, not of vectors; none given: 0.01 for adamw, 0 for sgd, 1.2e-6 for nt-asgd",
        minimum=0,
    )
    clip_norm: float = setting(1.0, "longest gradient allowed, as a whole; 0: any", minimum=0)
    clip_value: float = setting(0.0, "greatest element of a gradient allowed; 0: any", minimum=0)
    epochs: float = setting(10.0, "times to go through the training data", above=0)
    max_steps: int = setting(0, "steps after which to stop in any case; 0: when the epochs are done", minimum=0)
    max_minutes: float = setting(
        0.0,
        "minutes of training and of validations on the way, after which to stop; the last comes on top; 0: no limit",
        minimum=0,
        unit="minutes",
    )
    accumulate: int = setting(1, "batches that make one step", minimum=1)
    precision: Literal["float32", "bfloat16"] = setting("float32", "arithmetic of the products (torch autocast)")
    validate_every: int = setting(
        0,
        "steps between validations; 0: an epoch; under max_minutes one waits until those before it took less than a "
        "tenth of the training's time",
        minimum=0,
    )
    checkpoint_every: int = setting(1000, "steps between checkpoints; 0: one after each validation", minimum=0)
    log_every: int = setting(50, "steps between lines of metrics.jsonl", minimum=1)
    patience: int = setting(0, "validations without improvement after which to stop; 0: never", minimum=0)
    keep: int = setting(2, "checkpoints to keep", minimum=1)
    seed: int = setting(0, "where the random numbers start", minimum=0, below=2**32)
    threads: int = setting(0, "threads to compute with; 0: as many as torch chooses", minimum=0)

    def __post_init__(self) -> None:
        """Check the fields, and that one kind of clipping was asked for at most."""
        super().__post_init__()
        if self.clip_norm and self.clip_value:
            raise SettingError(
                f"clip_norm ({self.clip_norm:g}) and clip_value ({self.clip_value:g}) exclude each other",
                fix="set one of them to 0",
            )

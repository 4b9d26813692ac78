"""N-gram language models: counts, smoothing, back-off tables, ARPA files."""

from gatewise.models.ngram.arpa_read import read_arpa
from gatewise.models.ngram.arpa_write import write_arpa
from gatewise.models.ngram.counts import Counts, count
from gatewise.models.ngram.estimate import Estimate, estimate
from gatewise.models.ngram.growth import Growth, growths
from gatewise.models.ngram.interpolation import interpolation_weights
from gatewise.models.ngram.ngram_lm import NgramLM
from gatewise.models.ngram.places import Text
from gatewise.models.ngram.smoothing import METHODS, Options
from gatewise.models.ngram.table import BackoffTable

__all__ = [
    "METHODS",
    "BackoffTable",
    "Counts",
    "Estimate",
    "Growth",
    "NgramLM",
    "Options",
    "Text",
    "count",
    "estimate",
    "growths",
    "interpolation_weights",
    "read_arpa",
    "write_arpa",
]

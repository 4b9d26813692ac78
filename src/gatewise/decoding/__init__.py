"""Writing with any language model: sampling, greedy and beam search.

Floor 5.
"""

from gatewise.decoding.beam_search import Hypothesis as Hypothesis
from gatewise.decoding.beam_search import beam as beam
from gatewise.decoding.filters import Filter as Filter
from gatewise.decoding.sampling import Step as Step
from gatewise.decoding.sampling import greedy as greedy
from gatewise.decoding.sampling import sample as sample

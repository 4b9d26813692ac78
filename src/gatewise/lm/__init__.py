"""What a language model is, and what works with any: score, rank, measure, mix.

Floor 4.
"""

from gatewise.lm.measures import Measure as Measure
from gatewise.lm.measures import measure as measure
from gatewise.lm.mixture import Mixture as Mixture
from gatewise.lm.mixture import mixture_weights as mixture_weights
from gatewise.lm.protocol import LanguageModel as LanguageModel
from gatewise.lm.protocol import State as State
from gatewise.lm.scores import Score as Score
from gatewise.lm.scores import rank as rank
from gatewise.lm.scores import score as score
from gatewise.lm.uniform import Uniform as Uniform

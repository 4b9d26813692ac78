"""How good labels, tags and probabilities are: numbers from arrays, with numpy alone.

Floor 1; imports without torch. ``gold`` is what is right, ``predicted`` what a model said.
"""

from gatewise.measures.calibration import TEMPERATURES as TEMPERATURES
from gatewise.measures.calibration import Reliability as Reliability
from gatewise.measures.calibration import brier_score as brier_score
from gatewise.measures.calibration import expected_calibration_error as expected_calibration_error
from gatewise.measures.calibration import fit_temperature as fit_temperature
from gatewise.measures.calibration import negative_log_likelihood as negative_log_likelihood
from gatewise.measures.calibration import reliability as reliability
from gatewise.measures.calibration import sigmoid as sigmoid
from gatewise.measures.calibration import softmax as softmax
from gatewise.measures.classification import ClassificationReport as ClassificationReport
from gatewise.measures.classification import accuracy as accuracy
from gatewise.measures.classification import classification_report as classification_report
from gatewise.measures.classification import confusion_matrix as confusion_matrix
from gatewise.measures.classification import majority_label as majority_label
from gatewise.measures.counts import Counts as Counts
from gatewise.measures.entities import EntityReport as EntityReport
from gatewise.measures.entities import TagTable as TagTable
from gatewise.measures.entities import entity_report as entity_report
from gatewise.measures.entities import entity_report_of_ids as entity_report_of_ids
from gatewise.measures.entities import surface_form_report as surface_form_report
from gatewise.measures.multi_label import MultiLabelReport as MultiLabelReport
from gatewise.measures.multi_label import multi_label_report as multi_label_report

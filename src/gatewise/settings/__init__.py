"""Settings as frozen dataclasses: one field gives a flag, a key of a config file, a keyword, its check and its help.

Floor 0; imports without torch.
"""

from gatewise.settings.base import Settings as Settings
from gatewise.settings.field import Setting as Setting
from gatewise.settings.field import setting as setting
from gatewise.settings.files import read_tables as read_tables
from gatewise.settings.files import write_tables as write_tables
from gatewise.settings.group import Group as Group
from gatewise.settings.nearest import did_you_mean as did_you_mean
from gatewise.settings.nearest import nearest as nearest
from gatewise.settings.parse import parse as parse

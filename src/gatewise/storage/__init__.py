"""Files that are whole or not there: atomic writing, model folders with checksums, tensors without code.

Floor 0; imports without torch.
"""

from gatewise.storage.atomic import Buffer as Buffer
from gatewise.storage.atomic import Content as Content
from gatewise.storage.atomic import lock as lock
from gatewise.storage.atomic import make_folder as make_folder
from gatewise.storage.atomic import sweep as sweep
from gatewise.storage.atomic import write_atomically as write_atomically
from gatewise.storage.folder import Folder as Folder
from gatewise.storage.folder import read_folder as read_folder
from gatewise.storage.folder import write_folder as write_folder
from gatewise.storage.reading import read_file as read_file
from gatewise.storage.strict_json import parse_json as parse_json
from gatewise.storage.tensors import check_finite as check_finite
from gatewise.storage.tensors import pack_pieces as pack_pieces
from gatewise.storage.tensors import pack_tensors as pack_tensors
from gatewise.storage.tensors import unpack_tensors as unpack_tensors

"""Reading a file runs nothing that the file says, nor anything else (figure F7)."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
from pathlib import Path

import torch
from gatewise.errors import ModelFileError
from gatewise.storage import check_finite, pack_pieces, read_folder, unpack_tensors, write_folder
from gatewise.training.checkpoint import pack, unpack

place = Path(sys.argv[1])
good = pack_pieces({"w": torch.ones(3)}, {}, sealed=True)
write_folder(place / "model", {"w.safetensors": b"".join(good), "config.json": b"{}"})
unpack_tensors(b"".join(good))
hostile = [b"cos\\nsystem\\n(S'touch owned'\\ntR.", b"PK\\x03\\x04", b"\\x80\\x04\\x95", b"GGUF", b"<html>", b"{}", b""]
seen = []

def watch(event, arguments):
    if watching and event in FORBIDDEN:
        seen.append((event, arguments))
    name = arguments[0] if event == "open" else None  # a number: a file that is open already
    if watching and not isinstance(name, int | None) and not str(name).startswith(str(place)):
        seen.append((event, arguments))

FORBIDDEN = {"pickle.find_class", "exec", "compile", "marshal.loads", "os.system", "subprocess.Popen", "socket.connect",
             "import", "os.exec", "os.posix_spawn", "ctypes.dlopen"}
watching = False
sys.addaudithook(watch)
refused = 0
for number in range(2):
    for content in [None, *hostile]:
        for name in ("manifest.json", "w.safetensors", "config.json"):
            path = place / "model" / name
            kept = path.read_bytes()
            if content is not None:
                path.write_bytes(content)
            watching = number > 0  # the first time modules of the standard library may still come in
            try:
                folder = read_folder(place / "model")
                check_finite(unpack_tensors(folder.read("w.safetensors"))[0], "w")
            except ModelFileError:
                refused += 1
            try:
                unpack(content or b"".join(good), "checkpoint")
            except ModelFileError:
                refused += 1
            watching = False
            path.write_bytes(kept)
print(refused, seen)
"""


def test_no_event_while_good_and_hostile_files_are_read(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, cwd=Path(__file__).parents[1]
    )
    assert (done.stdout, done.stderr) == ("88 []\n", "")

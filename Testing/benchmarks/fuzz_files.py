"""Damage files at random and read them: the answer is a result or one line that names the file, and memory is bounded.

    python Testing/benchmarks/fuzz_files.py --runs 10000

Prints how many files were read and how many refused. Ends with 1, and keeps the file, if one led to anything else:
another exception, a message of several lines or without the name of the file, or more memory than the limit.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import re
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "RNCARefine"), str(ROOT / "Testing")]

import numpy as np  # noqa: E402
import SimpleITK as sitk  # noqa: E402

from rncarefine.io.choice import Choice  # noqa: E402
from rncarefine.io.files import read_case  # noqa: E402
from rncarefine.nca.card import ModelCard  # noqa: E402
from rncarefine.nca.model import Model, load_model, save_model  # noqa: E402

MEMORY = 3 << 29
"""Bytes that a run may use beyond what the libraries have taken."""
NUMBERS = [
    "0",
    "-1",
    "1",
    "2",
    "3",
    "1e308",
    "-1e308",
    "nan",
    "inf",
    "1e-320",
    "2147483648",
    "99999999999999999999",
    "",
]
WORDS = [
    "none",
    "list",
    "gzip",
    "raw",
    "bzip2",
    "ascii",
    "hex",
    "double",
    "block",
    "RAS",
    "LOCAL",
    "True",
    "x" * 300,
    "\0",
    "ö",
]
SHAPE = (3, 14, 15)


def samples(folder: Path) -> dict[str, Path]:
    """Write the files that are damaged: images, label maps, segmentations and a model."""
    rng = np.random.default_rng(0)
    image = rng.normal(100, 20, SHAPE).astype(np.float32)
    labels = np.zeros(SHAPE, np.uint8)
    labels[:, 3:11, 3:11] = 2
    labels[:, 5:9, 5:9] = 3
    files = {}
    for name, values in (("image", image), ("labels", labels)):
        picture = sitk.GetImageFromArray(values)
        picture.SetSpacing((1.5, 1.5, 8.0))
        for ending in ("nii", "nii.gz", "nrrd", "mha"):
            files[f"{name}.{ending}"] = folder / f"{name}.{ending}"
            sitk.WriteImage(picture, str(folder / f"{name}.{ending}"), ending in ("nrrd", "mha"))
    header = (
        "NRRD0004\ntype: unsigned char\ndimension: 3\nspace: left-posterior-superior\nsizes: 15 14 3\n"
        "space directions: (1.5,0,0) (0,1.5,0) (0,0,8)\nkinds: domain domain domain\nencoding: gzip\n"
        "space origin: (0,0,0)\nSegment0_ID:=a\nSegment0_Name:=wall\nSegment0_LabelValue:=2\nSegment0_Layer:=0\n"
        "Segment0_Extent:=0 14 0 13 0 2\nSegment1_ID:=b\nSegment1_Name:=pool\nSegment1_LabelValue:=3\n"
        "Segment1_Layer:=0\n"
        "Segmentation_MasterRepresentation:=Binary labelmap\nSegmentation_ReferenceImageExtentOffset:=0 0 0\n\n"
    )
    files["s.seg.nrrd"] = folder / "s.seg.nrrd"
    files["s.seg.nrrd"].write_bytes(header.encode() + gzip.compress(labels.tobytes(), mtime=0))
    parameters = {name: rng.normal(size=size).astype(np.float32) for name, size in (("a", (8, 3)), ("b", (8,)))}
    card = ModelCard("tiny", "t", "ring", "slice-wise", "none", "CC0-1.0", "none", 1.5, 16, 8, 8, 4, 0.5)
    save_model(Model(card, parameters), folder)
    files["tiny.npz"] = folder / "tiny.npz"
    return files


def damaged_bytes(data: bytes, random_: random.Random, reach: int) -> bytes:
    """Return bytes with some of the first ``reach`` changed, some removed, or the end cut off."""
    content = bytearray(data)
    for _ in range(random_.choice((1, 1, 2, 4, 16))):
        where = random_.randrange(min(len(content), reach)) if content else 0
        kind = random_.randrange(6)
        if kind == 0 and content:
            content[where] = random_.randrange(256)
        elif kind == 1 and content:
            content[where] ^= 1 << random_.randrange(8)
        elif kind == 2:
            number = random_.choice((0, 1, -1, 32767, -32768))
            content[where - where % 2 : where - where % 2 + 2] = struct.pack("<h", number)
        elif kind == 3:
            number = random_.choice((0.0, -1.0, float("nan"), float("inf"), 1e30, 1e-30, 1e38))
            content[where - where % 4 : where - where % 4 + 4] = struct.pack("<f", number)
        elif kind == 4:
            del content[where : where + random_.choice((1, 2, 8))]
        else:
            del content[random_.randrange(len(content) + 1) :]
    return bytes(content)


def damaged_text(text: str, random_: random.Random) -> str:
    """Return a text with numbers or words replaced, lines removed, doubled or exchanged."""
    for _ in range(random_.choice((1, 1, 2, 3))):
        lines = text.split("\n")
        place = random_.randrange(len(lines))
        kind = random_.randrange(7)
        if kind == 0:
            del lines[place]
        elif kind == 1:
            lines.insert(random_.randrange(len(lines)), lines[place])
        elif kind == 2:
            lines[place] = lines[place][: random_.randrange(len(lines[place]) + 1)]
        elif kind == 3:
            lines[place] = re.sub(r"[A-Za-z]+$", lambda _: random_.choice(WORDS), lines[place])
        else:
            found = list(re.finditer(r"-?\d+(\.\d+)?", lines[place]))
            if found:
                one = random_.choice(found)
                lines[place] = lines[place][: one.start()] + random_.choice(NUMBERS) + lines[place][one.end() :]
        text = "\n".join(lines)
    return text


def damaged(path: Path, random_: random.Random) -> bytes:
    """Return the content of a file with some damage."""
    data = path.read_bytes()
    name = path.name
    if name.endswith((".nrrd", ".mha")) and random_.random() < 0.8:
        mark = b"\n\n" if name.endswith(".nrrd") else b"LOCAL\n"
        head, _, rest = data.partition(mark)
        text = damaged_text((head + (b"LOCAL" if mark != b"\n\n" else b"")).decode(), random_)
        return text.encode("utf-8") + (b"\n\n" if mark == b"\n\n" else b"\n") + rest
    if name.endswith(".gz") and random_.random() < 0.8:
        return gzip.compress(damaged_bytes(gzip.decompress(data), random_, 352), 1)
    return damaged_bytes(data, random_, random_.choice((352, len(data))))


def damaged_model(folder: Path, place: Path, random_: random.Random) -> Path:
    """Write a damaged model whose card has the right hash at times, so that the weights are looked at, too."""
    weights, card = (folder / "tiny.npz").read_bytes(), (folder / "tiny.json").read_text(encoding="utf-8")
    if random_.random() < 0.6:
        weights = damaged_bytes(weights, random_, len(weights))
    content = json.loads(card)
    content["sha256"] = hashlib.sha256(weights).hexdigest()
    text = json.dumps(content, indent=1)
    if random_.random() < 0.5:
        text = damaged_text(text, random_)
    if random_.random() < 0.05:
        text = random_.choice(("[", '{"a":')) * random_.choice((10, 1000, 100_000))
    (place / "tiny.npz").write_bytes(weights)
    (place / "tiny.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    return place / "tiny.npz"


def attempt(work: Callable[[], object], names: tuple[str, ...]) -> str:
    """Return "read" or "refused", or what went wrong."""
    try:
        work()
    except (ValueError, OSError) as error:
        message = str(error)
        if "\n" in message:
            return f"several lines: {message!r}"
        if not any(name in message for name in names):
            return f"no file named: {message!r}"
        return "refused"
    except BaseException as error:
        return f"{type(error).__name__}: {error!r}"
    return "read"


def limit_memory() -> None:
    """Limit the memory of this process to what it has now and :data:`MEMORY`."""
    try:
        import resource
    except ImportError:  # Windows
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    if pages:
        most = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def main() -> int:
    """Damage and read files, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000, help="number of damaged files (default: 10,000)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed damages the same bytes (default: 0)")
    arguments = parser.parse_args()
    counts: Counter[str] = Counter()
    named = Choice(segment="wall", pool_segment="pool")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "damaged").mkdir()
        files = samples(folder)
        limit_memory()
        for run in range(arguments.runs):
            random_ = random.Random(f"{arguments.seed} {run}")
            kind = sorted(files)[run % len(files)]
            if kind == "tiny.npz":
                path = damaged_model(folder, folder / "damaged", random_)
                outcome = attempt(lambda path=path: load_model(path), ("tiny.npz", "tiny.json"))
            else:
                path = folder / "damaged" / kind
                path.write_bytes(damaged(files[kind], random_))
                image, labels = folder / "image.nii", folder / "labels.nii"
                choice = named if kind.endswith(".seg.nrrd") else Choice(2, None, 3)
                pair = (path, labels) if kind.startswith("image") else (image, path)
                outcome = attempt(
                    lambda pair=pair, choice=choice: read_case(*pair, choice), (kind, image.name, labels.name)
                )
            counts[outcome if outcome in ("read", "refused") else "wrong"] += 1
            if outcome not in ("read", "refused"):
                kept = Path(tempfile.gettempdir()) / f"fuzz-{arguments.seed}-{run}-{kind}"
                kept.write_bytes(path.read_bytes())
                print(f"run {run}, kept as {kept}: {outcome}", flush=True)
    seconds = time.monotonic() - began
    print(f"{arguments.runs} files: {dict(counts)}; {seconds:.1f} s")
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())

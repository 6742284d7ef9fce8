"""Damage image files in thousands of ways and read each: the result is an image or a one-line error, nothing else.

Command   python benchmarks/fuzz_images.py --files 5000 [--seed 0]
Damages   sound JPEG, PNG, TIFF, WebP and GIF files of many modes, and their EXIF blocks: bytes flipped, cut, repeated,
          zeroed, numbers set to their extremes, pieces of other files pasted in; file N is a function of (seed, N)
Prints    the number of files read and refused, the reasons, the longest time and the most memory for one file
Ends      with exit code 1 and keeps the file if reading it raises anything but the project's own error, exceeds the
          limits, or gives pixels of another type or shape than uint8 [3, H, W]
"""

from __future__ import annotations

import argparse
import io
import random
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from residuum.data import decode
from residuum.errors import ImageError
from residuum.seeds import seed_of
from residuum_runtime.pictures import fit

SECONDS = 20.0  # of one core, for one file
MEGABYTES = 2048  # for one file
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)

# format: its modes and the options for writing
FORMATS = {
    "JPEG": (("RGB", "L", "CMYK"), ({}, {"progressive": True})),
    "PNG": (("RGB", "L", "P", "RGBA", "LA", "1", "I;16"), ({}, {"optimize": True})),
    "TIFF": (("RGB", "L", "CMYK", "I;16", "F", "I", "LAB"), ({}, {"compression": "tiff_lzw"}, {"compression": "jpeg"})),
    "WEBP": (("RGB", "RGBA"), ({}, {"lossless": True})),
    "GIF": (("P", "L"), ({}, {"save_all": True, "append_images": [Image.new("L", (31, 24), 90)]})),
}


def sound(draw):
    """Return an intact file: its format and bytes."""
    kind = draw.choice(list(FORMATS))
    modes, ways = FORMATS[kind]
    mode, way = draw.choice(modes), draw.choice(ways)
    if way.get("compression") == "jpeg" and mode not in ("RGB", "L"):
        way = {}
    held = io.BytesIO()
    exif = {"exif": odd_exif(draw)} if kind != "GIF" and draw.random() < 0.7 else {}
    pixels(mode).save(held, kind, **way, **exif)
    return kind, held.getvalue()


def pixels(mode):
    """Return an image of 31 x 24 with an edge and a slope."""
    y, x = np.mgrid[0:24, 0:31]
    values = (x * 5 + y * 4 + (x > 15) * 30) % 256
    if mode in ("I;16", "I", "F"):
        return Image.fromarray((values * 257).astype({"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]))
    image = Image.fromarray(np.stack([values, 255 - values, (values * 3) % 256], -1).astype(np.uint8))
    return Image.merge("LAB", image.split()) if mode == "LAB" else image.convert(mode)


def odd_exif(draw):
    """Return an EXIF block with an orientation, and entries such as cameras and editors write."""
    exif = Image.Exif()
    exif[0x0112] = draw.randrange(1, 9)
    exif[0x010F], exif[0x0132], exif[0x011A] = "Maker", "2026:01:01 00:00:00", 72.0
    exif.get_ifd(0x8825).update({0: b"\2\3\0\0", 1: "N", 2: (1.0, 2.0, 3.0)})
    exif.get_ifd(0x8769).update({0x9000: b"0230", 0x829A: 0.01, 0x927C: bytes(20)})
    return exif


def damaged(data, draw, other):
    """Return the bytes with some of them changed."""
    data = bytearray(data)
    block = re.search(rb"II\*\0|MM\0\*", data)
    places = [(0, len(data)), (len(data) // 4, len(data)), (0, min(64, len(data)))]
    if block:
        places += 3 * [(block.start() + 8, min(len(data), block.start() + 250))]
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        first, last = draw.choice(places)
        at = draw.randrange(first, max(first + 1, min(last, len(data) or 1)))
        size = draw.choice((1, 2, 4))
        match draw.choice((0, 0, 0, 1, 1, 1, 2, 3, 4, 5, 6)):
            case 0:
                data[at : at + 1] = bytes([draw.randrange(256)])
            case 1:
                number = draw.choice(EXTREMES) & ((1 << 8 * size) - 1)
                data[at : at + size] = number.to_bytes(size, draw.choice(("little", "big")))
            case 2:
                del data[at:]
            case 3:
                del data[at : at + draw.randrange(1, 40)]
            case 4:
                data[at:at] = data[at : at + draw.randrange(1, 200)]
            case 5:
                data[at : at + 30] = bytes(30)
            case 6:
                start = draw.randrange(len(other))
                data[at : at + 60] = other[start : start + 60]
    return bytes(data)


def file_of(seed, number):
    """Return the format and bytes of a damaged file."""
    draw = random.Random(seed_of(seed, "fuzz", number))
    kind, data = sound(draw)
    return kind, damaged(data, draw, sound(draw)[1])


def outcome(path):
    """Return "read" or the reason for the refusal; any other exception is a fault."""
    try:
        image = decode(path)
    except ImageError as error:
        if "\n" in str(error) or path.name not in str(error):
            raise AssertionError(f"not one line that names the file: {error}") from error
        return error.reason
    if str(image.dtype) != "torch.uint8" or image.ndim != 3 or image.shape[0] != 3 or image.numel() == 0:
        raise AssertionError(f"{image.dtype} of {list(image.shape)}")
    fitted = fit(image.numpy(), (24, 24), 28)
    if fitted.shape != (3, 24, 24):
        raise AssertionError(f"fitted to {fitted.shape}")
    return "read"


def peak_megabytes():
    """Return the peak memory since the last call in megabytes, if the system reports it."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+)", status.read_text()) if status.exists() else None
    if found:
        Path("/proc/self/clear_refs").write_text("5")
    return int(found[1]) / 1024 if found else 0.0


def fuzz(files, seed, folder):
    """Read damaged files; return the outcomes by format, the longest time and the most memory."""
    counts, longest, most = Counter(), 0.0, 0.0
    peak_megabytes()
    for number in range(files):
        kind, data = file_of(seed, number)
        path = folder / f"{number:05}.{kind.lower()}"
        path.write_bytes(data)
        started = time.process_time()
        try:
            counts[kind, outcome(path)] += 1
        except BaseException:
            print(f"file {number} of seed {seed}, {path}:", file=sys.stderr, flush=True)
            raise
        spent, used = time.process_time() - started, peak_megabytes()
        longest, most = max(longest, spent), max(most, used)
        if spent > SECONDS or used > MEGABYTES:
            raise AssertionError(f"{path} takes {spent:.1f} s and {used:.0f} MB, at most {SECONDS} and {MEGABYTES}")
        path.unlink()
    return counts, longest, most


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    started = time.monotonic()
    counts, longest, most = fuzz(args.files, args.seed, Path(tempfile.mkdtemp()))
    for kind in FORMATS:
        read = counts[kind, "read"]
        whole = sum(count for (of, _), count in counts.items() if of == kind)
        print(f"{kind:5} {whole:5} files: {read} read, {whole - read} refused")
    reasons = Counter()
    for (_, reason), count in counts.items():
        reasons[re.sub(r"\d[\d,.x ]*", "N ", reason)[:70]] += count
    for reason, count in reasons.most_common(12):
        print(f"{count:7}  {reason}")
    print(f"{args.files} files in {time.monotonic() - started:.0f} s, none with a traceback; "
          f"at most {longest:.2f} s and {most:.0f} MB")  # fmt: skip


if __name__ == "__main__":
    main()

"""A production network that is really sparse: the face detector that MediaPipe ships, against its dense sibling.

    python examples/face_detector.py -o face_detector            (fetches the package with npm, or takes --package FILE)
    python examples/face_detector.py -o face_detector --arch scnn --arch dcnn --arch sigma

Both models come from the npm package @mediapipe/face_detection 0.4.1657300184 (Apache-2.0), checked by hash: full
range, 192 x 192; two of three point-wise weights of the sparse one are zero by training. The script records both on
scikit-image's photograph of an astronaut, says how far each precision moves the best score, and simulates both traces.
"""

import argparse
import hashlib
import subprocess
import tarfile
from pathlib import Path

import numpy as np

import accelsim

PACKAGE = "@mediapipe/face_detection@0.4.1657300184"
MODELS = {
    "face_detection_full_range_sparse.tflite": "671dd2f9ed11a78436fc21cc42357a803dfc6f73e9fb86541be942d5716c2dce",
    "face_detection_full_range.tflite": "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3"}
SIDE = 192


def fetch(folder: Path, package: Path | None = None) -> list[Path]:
    """Both models in `folder`, out of the package (a .tgz; npm packs it where None is given)."""
    folder.mkdir(parents=True, exist_ok=True)
    if not all((folder / name).is_file() for name in MODELS):
        if package is None:
            done = subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, capture_output=True,
                                  text=True)
            package = folder / done.stdout.split()[-1]
        with tarfile.open(package) as archive:
            for name in MODELS:
                member = archive.extractfile(f"package/{name}")
                if member is None:
                    raise ValueError(f"{package}: has no {name}")
                (folder / name).write_bytes(member.read())
    for name, wanted in MODELS.items():
        found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        if found != wanted:
            raise ValueError(f"{folder / name}: SHA-256 {found}, wanted {wanted}; it is another file")
    return [folder / name for name in MODELS]


def photograph() -> np.ndarray:
    """The astronaut as the model wants it: [1, 192, 192, 3], -1 .. 1."""
    from skimage import data, transform

    image = transform.resize(data.astronaut(), (SIDE, SIDE), anti_aliasing=True) * 2 - 1
    return image.astype(np.float32)[None]


def score(trace: accelsim.Trace) -> float:
    """The best score of a face, from the integers of the last layer that makes scores."""
    heads = [x for x in trace if x.op == "conv2d" and x.weight.shape[0] * np.prod(x.out_plane) == 2304]
    note = trace.made_by["layers"][heads[-1].name]
    scale = np.array(note["weight_scale"]).reshape(-1)[:, None, None] * note["activation_scale"]
    return float(1 / (1 + np.exp(-(heads[-1].output() * scale).max())))


def main() -> None:
    """Fetch, record, and compare."""
    parser = argparse.ArgumentParser(description="Record MediaPipe's sparse face detector and its dense sibling.")
    parser.add_argument("-o", "--output", type=Path, default=Path("face_detector"), help="folder for models and traces")
    parser.add_argument("--package", type=Path, help="the package's .tgz, instead of fetching it with npm")
    parser.add_argument("--arch", action="append", default=[], help="simulate both on this architecture; repeatable")
    given = parser.parse_args()
    try:
        paths, image = fetch(given.output, given.package), photograph()
    except (OSError, ValueError, ImportError, KeyError, subprocess.CalledProcessError) as error:
        parser.error(str(error))
    traces = []
    for path in paths:
        for label, options in (("8 bits", {}), ("8 bits, a scale per output", {"per_channel": True}),
                               ("8-bit weights, 16-bit activations", {"per_channel": True, "activation_bits": 16}),
                               ("16 bits", {"bits": 16})):
            trace = accelsim.record(path, image, **options)
            print(f"{path.stem}: {len(trace)} layers, {label}: best score {score(trace):.4f}")
            if not options:
                traces.append(trace)
                trace.save(given.output / f"{path.stem}.safetensors")
    for arch in given.arch:
        sparse, dense = (accelsim.simulate(trace, arch).cycles for trace in traces)
        print(f"{arch}: sparse {sparse:,} cycles, dense {dense:,}: {dense / sparse:.2f} times")


if __name__ == "__main__":
    main()

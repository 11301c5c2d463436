"""Make the sample images: an abdominal phantom, and a segmentation of it with known errors.

The phantom is a set of implicit functions of the position in the patient, each an approximate signed distance to an
organ's surface in mm (negative inside): ellipsoids, blended and carved into organ shapes and roughened by a few
seeded waves of low spatial frequency. The reference labels every voxel with the organ that it lies in. The prediction
comes from the same functions with errors added (rougher surfaces, a spleen that is too small, a tumor that is partly
missed and an island of false spleen): their softmax is the probability map, and its argmax is the predicted label map.
"""

import gzip
import json
import math
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Vector = tuple[float, float, float]

LABELS = {"background": 0, "liver": 1, "spleen": 2, "left_kidney": 3, "right_kidney": 4, "tumor": 5}
SEED = 20240229

SHAPE_VOXELS = (96, 80, 64)
SPACING_MM = (3.0, 3.0, 4.0)
AXIS_SIGNS = (-1.0, 1.0, 1.0)  # the voxel axes run to the left, anterior and superior (LAS), as converted CT often has
SCANNER_CODE = 1

WAVES_PER_FIELD = 8
ANATOMY_WAVELENGTHS_MM = (60.0, 140.0)
ERROR_WAVELENGTHS_MM = (25.0, 70.0)

SOFTNESS_MM = 1.2  # the distance over which a logit changes by 1
LOGIT_LIMIT = 12.0
PROBABILITY_STEPS = 256  # a power of 2: every stored probability, and every sum of them, is exact in float32


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid in patient coordinates (RAS+, mm), turned by angles about the x, y and z axes in that order."""

    centre_mm: Vector
    radii_mm: Vector
    turn_deg: Vector = (0.0, 0.0, 0.0)

    def distance_mm(self, points_mm: Array) -> Array:
        """The signed distance to the surface, exact to first order near it."""
        local = (points_mm - np.array(self.centre_mm)) @ rotation(self.turn_deg)
        radii = np.array(self.radii_mm)
        tiny = 1e-12  # keeps the quotient defined at the centre
        level = np.sqrt(np.sum((local / radii) ** 2, axis=-1) + tiny)
        slope = np.sqrt(np.sum((local / radii**2) ** 2, axis=-1) + tiny / radii.max() ** 2)
        return np.asarray(level * (level - 1.0) / slope)


@dataclass(frozen=True)
class SurfaceError:
    """How a predicted surface differs from the true one: moved inwards evenly, and in and out by seeded waves."""

    inwards_mm: float
    roughness_mm: float


LIVER_RIGHT_LOBE = Ellipsoid((66.0, 4.0, 34.0), (60.0, 78.0, 74.0), (0.0, 12.0, 0.0))
LIVER_LEFT_LOBE = Ellipsoid((2.0, 46.0, 52.0), (72.0, 34.0, 34.0), (0.0, -12.0, 8.0))
LIVER_HOLLOW = Ellipsoid((0.0, -22.0, -8.0), (62.0, 62.0, 62.0))
LIVER_BLEND_MM = 14.0
SPLEEN_BODY = Ellipsoid((-97.0, -34.0, 54.0), (28.0, 46.0, 43.0), (0.0, 0.0, -20.0))
SPLEEN_HOLLOW = Ellipsoid((-58.0, -4.0, 52.0), (34.0, 44.0, 44.0))
SPLEEN_BLEND_MM = 8.0
LEFT_KIDNEY_BODY = Ellipsoid((-56.0, -58.0, -22.0), (25.0, 28.0, 53.0), (8.0, 12.0, 30.0))
LEFT_KIDNEY_HILUM = Ellipsoid((-36.0, -44.0, -24.0), (13.0, 11.0, 16.0))
RIGHT_KIDNEY_BODY = Ellipsoid((58.0, -58.0, -38.0), (26.0, 29.0, 54.0), (8.0, -12.0, -30.0))
RIGHT_KIDNEY_HILUM = Ellipsoid((38.0, -44.0, -40.0), (13.0, 11.0, 16.0))
KIDNEY_BLEND_MM = 5.0
KIDNEY_BED_MM = 5.0  # the fat between a kidney and its neighbour
TUMOR = Ellipsoid((78.0, 14.0, 52.0), (19.0, 16.0, 17.0), (0.0, 0.0, 25.0))

ANATOMY_ROUGHNESS_MM = {"liver": 4.0, "spleen": 2.5, "left_kidney": 1.5, "right_kidney": 1.5, "tumor": 1.5}

PREDICTED_TUMOR = Ellipsoid((82.0, 17.0, 51.0), (17.0, 15.0, 16.0), (0.0, 0.0, 25.0))
FALSE_SPLEEN = Ellipsoid((-58.0, 50.0, -56.0), (11.0, 9.0, 10.0))
SURFACE_ERRORS = {
    "liver": SurfaceError(inwards_mm=0.3, roughness_mm=1.9),
    "spleen": SurfaceError(inwards_mm=3.6, roughness_mm=2.0),
    "left_kidney": SurfaceError(inwards_mm=0.5, roughness_mm=1.5),
    "right_kidney": SurfaceError(inwards_mm=-0.4, roughness_mm=1.3),
    "tumor": SurfaceError(inwards_mm=0.0, roughness_mm=1.5),
}


# The scan: attenuation in Hounsfield units as in a contrast-enhanced CT, in steps that keep the file small.
BODY = Ellipsoid((0.0, -4.0, 0.0), (137.0, 104.0, 900.0))
VERTEBRAE = Ellipsoid((0.0, -66.0, 0.0), (19.0, 17.0, 900.0))
FAT_MM = 14.0  # under the skin
AIR_HU, FAT_HU, MUSCLE_HU, BONE_HU = -1000.0, -95.0, 45.0, 320.0
ORGAN_HU = {"liver": 105.0, "spleen": 125.0, "left_kidney": 175.0, "right_kidney": 175.0, "tumor": 65.0}
NOISE_HU = 14.0
HU_STEP = 8.0


def rotation(turn_deg: Vector) -> Array:
    """The matrix that turns about x, then y, then z."""
    turned = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(turn_deg)):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        step = np.eye(3)
        step[first, first] = step[second, second] = np.cos(angle)
        step[first, second], step[second, first] = -np.sin(angle), np.sin(angle)
        turned = step @ turned
    return turned


def unite(first: Array, second: Array, blend_mm: float) -> Array:
    """The union of two shapes, its seam rounded over about `blend_mm`."""
    overlap = np.maximum(blend_mm - np.abs(first - second), 0.0)
    return np.asarray(np.minimum(first, second) - overlap**2 / (4.0 * blend_mm))


def carve(body: Array, hollow: Array, blend_mm: float) -> Array:
    """The first shape without the second, the rim rounded over about `blend_mm`."""
    return -unite(-body, hollow, blend_mm)


def waves(points_mm: Array, wavelengths_mm: tuple[float, float], rng: np.random.Generator) -> Array:
    """A smooth random field of zero mean and unit variance: plane waves with random directions and phases."""
    field = np.zeros(points_mm.shape[:-1])
    for _ in range(WAVES_PER_FIELD):
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        wave_number = 2.0 * np.pi / rng.uniform(*wavelengths_mm)
        field += np.cos(wave_number * (points_mm @ direction) + rng.uniform(0.0, 2.0 * np.pi))
    return field * math.sqrt(2.0 / WAVES_PER_FIELD)


def patient_affine() -> Array:
    """The affine from voxel indices to patient coordinates (RAS+, mm), with the middle of the image at the origin."""
    steps = np.array(AXIS_SIGNS) * np.array(SPACING_MM)
    affine = np.diag([*steps, 1.0])
    affine[:3, 3] = -steps * (np.array(SHAPE_VOXELS) - 1) / 2.0
    return affine


def voxel_positions_mm(affine: Array) -> Array:
    """The position of every voxel's centre, in an array of the image's shape with a last axis for x, y and z."""
    indices = np.stack(np.meshgrid(*map(np.arange, SHAPE_VOXELS), indexing="ij"), axis=-1)
    return np.asarray(indices @ affine[:3, :3].T + affine[:3, 3])


def true_distances_mm(points_mm: Array, rng: np.random.Generator) -> dict[str, Array]:
    """The signed distance to the surface of each organ of the phantom."""

    def at(ellipsoid: Ellipsoid) -> Array:
        return ellipsoid.distance_mm(points_mm)

    distances = {
        "liver": carve(
            unite(at(LIVER_RIGHT_LOBE), at(LIVER_LEFT_LOBE), LIVER_BLEND_MM), at(LIVER_HOLLOW), LIVER_BLEND_MM
        ),
        "spleen": carve(at(SPLEEN_BODY), at(SPLEEN_HOLLOW), SPLEEN_BLEND_MM),
        "left_kidney": carve(at(LEFT_KIDNEY_BODY), at(LEFT_KIDNEY_HILUM), KIDNEY_BLEND_MM),
        "right_kidney": carve(at(RIGHT_KIDNEY_BODY), at(RIGHT_KIDNEY_HILUM), KIDNEY_BLEND_MM),
        "tumor": at(TUMOR),
    }
    for organ, roughness_mm in ANATOMY_ROUGHNESS_MM.items():
        distances[organ] += roughness_mm * waves(points_mm, ANATOMY_WAVELENGTHS_MM, rng)
    for organ, kidney in (("liver", "right_kidney"), ("spleen", "left_kidney")):
        distances[organ] = carve(distances[organ], distances[kidney] - KIDNEY_BED_MM, KIDNEY_BLEND_MM)
    return distances


def predicted_distances_mm(truth: dict[str, Array], points_mm: Array, rng: np.random.Generator) -> dict[str, Array]:
    """The true distances with the prediction's errors added."""
    distances = {**truth, "tumor": PREDICTED_TUMOR.distance_mm(points_mm)}
    for organ, error in SURFACE_ERRORS.items():
        shift_mm = error.inwards_mm + error.roughness_mm * waves(points_mm, ERROR_WAVELENGTHS_MM, rng)
        distances[organ] = distances[organ] + shift_mm
    distances["spleen"] = np.minimum(distances["spleen"], FALSE_SPLEEN.distance_mm(points_mm))
    return distances


def logits(distances_mm: dict[str, Array]) -> Array:
    """The score of each label on a last axis: 0 for the background, limited far away from a surface.

    The tumor's score is relative to the liver's: it is a part of the liver that outranks the rest of it.
    """
    scores = np.zeros((*SHAPE_VOXELS, len(LABELS)))
    for organ, distance_mm in distances_mm.items():
        scores[..., LABELS[organ]] = np.clip(-distance_mm / SOFTNESS_MM, -LOGIT_LIMIT, LOGIT_LIMIT)
    scores[..., LABELS["tumor"]] += scores[..., LABELS["liver"]]
    return scores


def quantised_softmax(scores: Array) -> npt.NDArray[np.float32]:
    """The softmax over the last axis in whole steps: rounded down, and what is left given to the largest channel."""
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    steps = np.floor(PROBABILITY_STEPS * weights / weights.sum(axis=-1, keepdims=True))
    largest = np.argmax(scores, axis=-1)[..., np.newaxis]
    rest = PROBABILITY_STEPS - steps.sum(axis=-1, keepdims=True)
    np.put_along_axis(steps, largest, np.take_along_axis(steps, largest, axis=-1) + rest, axis=-1)
    return np.asarray(steps / PROBABILITY_STEPS, dtype=np.float32)


def label_map(scores: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    """The label with the largest score in each voxel."""
    return np.asarray(np.argmax(scores, axis=-1), dtype=np.uint8)


def scan(truth: dict[str, Array], points_mm: Array, rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """What a CT of the phantom would show: every tissue its attenuation, soft edges, noise."""
    body, bone = BODY.distance_mm(points_mm), VERTEBRAE.distance_mm(points_mm)

    def share(distance_mm: Array) -> Array:
        return 1.0 / (1.0 + np.exp(np.clip(distance_mm / SOFTNESS_MM, -LOGIT_LIMIT, LOGIT_LIMIT)))

    units = np.full(SHAPE_VOXELS, AIR_HU)
    tissues = [(body, FAT_HU), (body + FAT_MM, MUSCLE_HU), (bone, BONE_HU)]
    for distance_mm, attenuation in [*tissues, *((truth[organ], hu) for organ, hu in ORGAN_HU.items())]:
        units += share(distance_mm) * (attenuation - units)
    units += NOISE_HU * rng.normal(size=SHAPE_VOXELS)
    return np.asarray(HU_STEP * np.round(units / HU_STEP), dtype=np.int16)


def write_image(
    path: Path, voxels: npt.NDArray[np.uint8] | npt.NDArray[np.int16] | npt.NDArray[np.float32], affine: Array
) -> None:
    """Write a gzipped NIfTI-1 file whose bytes depend on its content alone."""
    image = nib.Nifti1Image(voxels, affine)
    image.set_sform(affine, code=SCANNER_CODE)
    image.set_qform(affine, code=SCANNER_CODE)
    image.header.set_xyzt_units("mm")
    with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=raw, mtime=0) as packed:
        packed.write(image.to_bytes())


def main() -> None:
    """Write the images and the label file beside this script."""
    folder = Path(__file__).resolve().parent
    rng = np.random.default_rng(SEED)
    affine = patient_affine()
    points_mm = voxel_positions_mm(affine)
    truth = true_distances_mm(points_mm, rng)
    probabilities = quantised_softmax(logits(predicted_distances_mm(truth, points_mm, rng)))
    write_image(folder / "reference.nii.gz", label_map(logits(truth)), affine)
    write_image(folder / "prediction.nii.gz", label_map(probabilities), affine)
    write_image(folder / "prediction_softmax.nii.gz", probabilities, affine)
    write_image(folder / "image.nii.gz", scan(truth, points_mm, np.random.default_rng(SEED + 1)), affine)
    (folder / "labels.json").write_text(json.dumps(LABELS) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()

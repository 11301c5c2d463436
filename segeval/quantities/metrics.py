"""The overlap metrics: functions of hard counts. The definitions are in docs/quantities.md."""

from __future__ import annotations

import numpy as np

from segeval.array_types import Floats, Integers
from segeval.quantities import over_all
from segeval.quantities.arithmetic import as_floats, generalised_dice, ratio
from segeval.quantities.quantity import also, metric
from segeval.tallies.tally import Counts

_CRUM = "Crum et al. 2006, weights of Sudre et al. 2017"
_UNDEFINED_MCC = "a row or column of the 2×2 table is empty"


@metric(
    "2TP / (2TP+FP+FN)",
    undefined="both empty",
    source="Dice 1945; Sørensen 1948",
    best=1,
    worst=0,
    over_all=over_all.dice,
    without_label_map=True,
    fills_empty=True,
    synonyms=also(
        "dsc dc dice_similarity sorensen sorensen_dice f1 f_score f_measure zsi",
        mean="mdice mean_dice",
        over_all="micro_dice global_dice",
    ),
    title="Dice",
    main=True,
)
def dice(c: Counts) -> Floats:
    """Dice similarity coefficient."""
    return ratio(2 * c.tp, 2 * c.tp + c.fp + c.fn)


@metric(
    "TP / (TP+FP+FN)",
    undefined="both empty",
    source="Jaccard 1912",
    best=1,
    worst=0,
    over_all=over_all.iou,
    without_label_map=True,
    fills_empty=True,
    synonyms=also(
        "jaccard jac jc jsc tanimoto intersection_over_union critical_success_index threat_score",
        mean="miou mean_iou",
        over_all="micro_iou",
        complement="jaccard_distance",
    ),
    title="IoU",
    main=True,
)
def iou(c: Counts) -> Floats:
    """Intersection over union, the Jaccard index."""
    return ratio(c.tp, c.tp + c.fp + c.fn)


@metric(
    "TP / (TP+FN)",
    undefined="reference empty",
    source="recall, TPR",
    best=1,
    worst=0,
    fills_empty=True,
    synonyms=also(
        "recall tpr true_positive_rate hit_rate sens",
        mean="mean_accuracy macc",
    ),
    title="sens.",
    main=True,
)
def sensitivity(c: Counts) -> Floats:
    """Sensitivity, recall, true positive rate."""
    return ratio(c.tp, c.tp + c.fn)


@metric(
    "TN / (TN+FP)",
    undefined="reference fills everything",
    source="TNR",
    best=1,
    worst=0,
    synonyms=also("tnr true_negative_rate selectivity spec"),
    title="spec.",
    main=True,
)
def specificity(c: Counts) -> Floats:
    """Specificity, true negative rate."""
    return ratio(c.tn, c.tn + c.fp)


@metric(
    "TP / (TP+FP)",
    undefined="prediction empty",
    source="PPV",
    best=1,
    worst=0,
    fills_empty=True,
    synonyms=also("ppv positive_predictive_value prec"),
    title="prec.",
    main=True,
)
def precision(c: Counts) -> Floats:
    """Precision, positive predictive value."""
    return ratio(c.tp, c.tp + c.fp)


@metric(
    "TN / (TN+FN)",
    undefined="prediction fills everything",
    source="NPV",
    best=1,
    worst=0,
    synonyms=also("negative_predictive_value"),
    title="NPV",
)
def npv(c: Counts) -> Floats:
    """Negative predictive value."""
    return ratio(c.tn, c.tn + c.fn)


@metric(
    "(TP+TN) / N",
    source="Rand 1971 (as a rate)",
    best=1,
    worst=0,
    over_all=over_all.accuracy,
    synonyms=also(
        "acc voxel_accuracy", over_all="pixel_accuracy overall_accuracy global_accuracy aacc", complement="error_rate"
    ),
)
def accuracy(c: Counts) -> Floats:
    """Share of voxels on which the volumes agree."""
    return ratio(c.tp + c.tn, c.n)


@metric(
    "(sensitivity + specificity) / 2",
    undefined="sensitivity or specificity is",
    source="Brodersen et al. 2010",
    best=1,
    worst=0,
    synonyms=also("bacc balanced_acc"),
    title="bal. accuracy",
)
def balanced_accuracy(c: Counts) -> Floats:
    """Mean of sensitivity and specificity."""
    return np.asarray((sensitivity(c) + specificity(c)) / 2)


@metric(
    "1 − |FN−FP| / (2TP+FP+FN)",
    undefined="both empty",
    source="Taha and Hanbury 2015",
    best=1,
    worst=0,
    fills_empty=True,
    synonyms=also("vs volumetric_similarity vol_sim"),
    title="vol. sim.",
)
def volume_similarity(c: Counts) -> Floats:
    """Agreement of the two volumes, wherever they lie."""
    return 1 - ratio(np.abs(c.fn - c.fp), 2 * c.tp + c.fp + c.fn)


@metric(
    "(prediction − reference) / reference voxels, signed",
    undefined="reference empty",
    source="Heimann et al. 2009",
    synonyms=also("rvd", ravd="{name} (signed, as MedPy's ravd is)"),
    title="rel. vol. diff.",
)
def relative_volume_difference(c: Counts) -> Floats:
    """Signed difference of the volumes, as a share of the reference; 0 is best."""
    return ratio(c.prediction - c.reference, c.reference)


@metric(
    "(TP·TN − FP·FN) / √((TP+FP)(TP+FN)(TN+FP)(TN+FN))",
    undefined=_UNDEFINED_MCC,
    source="Matthews 1975; over all labels: Gorodkin's R_K 2004",
    best=1,
    worst=-1,
    over_all=over_all.mcc,
    synonyms=also("matthews matthews_corrcoef matthews_correlation phi"),
    title="MCC",
)
def mcc(c: Counts) -> Floats:
    """Matthews correlation coefficient."""
    tp, fp, fn, tn = as_floats(c)
    return ratio(tp * tn - fp * fn, np.sqrt((tp + fp) * (tp + fn)) * np.sqrt((tn + fp) * (tn + fn)))


@metric(
    "(p_o − p_e) / (1 − p_e)",
    undefined="p_e = 1",
    source="Cohen 1960",
    best=1,
    worst=-1,
    over_all=over_all.kappa,
    synonyms=also("cohen_kappa cohens_kappa"),
)
def kappa(c: Counts) -> Floats:
    """Cohen's kappa: agreement beyond chance."""
    tp, fp, fn, tn = as_floats(c)
    # Both sides times N²: then p_e = 1 is a denominator of exactly 0, whatever the size of the volume.
    return ratio(2 * (tp * tn - fp * fn), (tp + fp) * (fp + tn) + (tp + fn) * (fn + tn))


@metric(
    "2 Σ w_c TP_c / Σ w_c (P_c + R_c) over {label, rest}, w_c = 1/R_c²",
    source=_CRUM,
    best=1,
    worst=0,
    over_all=over_all.gds,
    synonyms=also("generalised_dice generalized_dice gdsc"),
    title="GDS",
    main=True,
)
def gds(c: Counts, *, background: bool = True) -> Floats:  # noqa: ARG001 (the setting belongs to the row `all`)
    """Generalised Dice score. ``background=no`` drops label 0 from the row ``all``."""
    tp, fp, fn, tn = as_floats(c)
    return generalised_dice(
        np.stack([tp, tn]), np.stack([2 * tp + fp + fn, 2 * tn + fp + fn]), np.stack([tp + fn, tn + fp]), 2
    )


@metric("true positive voxels", is_count=True, synonyms=also("true_positives"), title="TP")
def tp(c: Counts) -> Integers:
    """True positives: voxels of the label in both volumes."""
    return c.tp


@metric("false positive voxels", is_count=True, synonyms=also("false_positives"), title="FP")
def fp(c: Counts) -> Integers:
    """False positives: voxels of the label in the prediction alone."""
    return c.fp


@metric("false negative voxels", is_count=True, synonyms=also("false_negatives"), title="FN")
def fn(c: Counts) -> Integers:
    """False negatives: voxels of the label in the reference alone."""
    return c.fn


@metric("true negative voxels", is_count=True, synonyms=also("true_negatives"), title="TN")
def tn(c: Counts) -> Integers:
    """True negatives: voxels of the label in neither volume."""
    return c.tn


@metric("TP + FN", is_count=True, synonyms=also("n_ref reference_voxels gt_voxels"), title="ref. voxels")
def ref_voxels(c: Counts) -> Integers:
    """Voxels of the label in the reference."""
    return c.reference


@metric("TP + FP", is_count=True, synonyms=also("n_pred prediction_voxels predicted_voxels"), title="pred. voxels")
def pred_voxels(c: Counts) -> Integers:
    """Voxels of the label in the prediction."""
    return c.prediction


@metric(
    "reference voxels × voxel volume, ml",
    undefined="no geometry",
    synonyms=also("reference_volume ref_volume gt_volume volume"),
    title="ref. ml",
    main=True,
)
def ref_volume_ml(c: Counts) -> Floats:
    """Volume of the label in the reference, in millilitres."""
    return np.asarray(c.reference * np.float64(c.voxel_volume_ml))


@metric(
    "prediction voxels × voxel volume, ml",
    undefined="no geometry",
    synonyms=also("prediction_volume predicted_volume pred_volume volume"),
    title="pred. ml",
    main=True,
)
def pred_volume_ml(c: Counts) -> Floats:
    """Volume of the label in the prediction, in millilitres."""
    return np.asarray(c.prediction * np.float64(c.voxel_volume_ml))

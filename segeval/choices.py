"""The words that options accept, one place for the command line, Python and the code."""

from __future__ import annotations

from typing import Literal

Kind = Literal["labels", "probabilities"]
"""What a prediction holds."""

Channels = Literal["exclusive", "independent"]
"""Whether the channels of a probability map are one softmax or separate sigmoid maps."""

Activation = Literal["softmax", "sigmoid"]
"""What turns stored logits into probabilities."""

PaletteName = Literal["voc", "cityscapes", "ade20k", "camvid", "ids", "labels"]
"""What the colours of pictures mean: a table that comes with segeval, numbers, or what the label file says."""

GeometryPolicy = Literal["strict", "resample", "ignore"]
"""What happens to a prediction that lies on another grid than its reference."""

EmptyPolicy = Literal["nan", "zero", "one"]
"""The value of the undefined overlap of a label that both volumes lack."""

DistanceSpacing = Literal["stored", "voxels", "reversed"]
"""What a voxel measures along each axis, where boundaries are: what the file says, 1, or what it says of the axes in
reverse order."""

Matching = Literal["one-to-one", "any-overlap", "many-to-one", "greedy"]
"""The rule that says which prediction instances belong to which reference instance."""

MatchBy = Literal["iou", "dice"]
"""What a pair of instances needs enough of to match, and what is summed where pairs compete."""

LayoutName = Literal[
    "nnunet", "name", "bids", "dicom", "slicer", "folders", "brats", "cityscapes", "voc", "ade20k", "celltracking"
]
"""How the files of a folder name cases, in the order in which the layouts are tried."""

Missing = Literal["error", "skip", "worst"]
"""A reference without a prediction: refuse, name it, or score an empty prediction."""

COUNTERS = ("failed", "missing", "cases")
"""What a rule may count instead of speaking of a quantity."""

RankingMethod = Literal["mean-then-rank", "mean-then-scale", "rank-then-mean", "significance"]
"""How a challenge makes one order of several numbers."""

Ties = Literal["average", "min"]
"""The rank of equals: the average of the ranks that they take, or the least of them."""

BackendName = Literal["numpy", "cupy", "auto"]
"""Where voxels are counted."""

Format = Literal["table", "csv", "json", "markdown", "nnunet", "challenge"]
"""How a report is written, to stdout too."""

FileFormat = Literal["table", "csv", "json", "markdown", "nnunet", "challenge", "parquet", "html"]
"""How a report is written to a file."""

GROUPS = (
    "overlap",
    "losses",
    "more_losses",
    "rates",
    "map_losses",
    "surface",
    "instances",
    "instance_surface",
    "lesionwise",
    "calibration",
    "profile",
    "partition",
    "topology",
    "shape",
    "detection",
    "detection_maps",
)
"""What kinds of quantities there are, in the order of every output."""

EVERY_GROUP = "all"
"""What ``--metrics`` calls all of them together, but the last: a detection map is another kind of prediction."""

DEFAULT_GROUPS = ("overlap", "losses")
"""What is computed unless ``--metrics`` says otherwise: all that follows from one pass over the voxels."""

Shell = Literal["bash", "zsh", "fish"]
"""Those whose command lines are completed."""

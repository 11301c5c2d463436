"""White matter hyperintensities: lesions of label 1 beside other pathology of label 2, which counts nowhere."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from protocol_cases.case import Case, without
from protocol_cases.lesions import LESIONS


def _with_pathology(case: Case) -> Case:
    """Some of the second label over lesions and over what is predicted there, some at the border."""
    y = case.y.copy()
    for place in (np.s_[0:6, 3:9, 0:4], np.s_[14:20, 8:13, 5:9]):
        y[place] = 2
    return Case(y, case.h, case.spacing)


_LESIONS = _with_pathology(LESIONS["lesions"])
WHITE_MATTER: Mapping[str, Case] = {
    "white matter": _LESIONS,
    "white matter, no pathology": Case(LESIONS["more lesions"].y, LESIONS["more lesions"].h, (1.0, 1.2, 3.0)),
    "white matter, to the image's border": Case(*(labels[4:, 3:18] for labels in _LESIONS[:2]), _LESIONS.spacing),
    "white matter, none predicted": without(_LESIONS, of_h=(1,)),
    "white matter, pathology alone": without(_LESIONS, of_y=(1,)),
    "white matter, nothing at all": without(_LESIONS, of_y=(1,), of_h=(1,)),
}
FAMILIES = {"white matter": WHITE_MATTER}

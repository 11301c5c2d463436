"""Arrays on a CUDA device score like the same arrays in host memory, wherever the other one lies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from segeval import Report, SegevalError, evaluate_arrays
from segeval.errors import UsageError
from segeval.kernels.cupy_device import missing_device

Array = np.ndarray[Any, Any]
Place = Callable[[Array], Any]

RNG = np.random.default_rng(5)
TRUTH = RNG.integers(0, 4, (7, 6, 5))
GUESS = np.where(RNG.random(TRUTH.shape) < 0.7, TRUTH, RNG.integers(0, 4, TRUTH.shape))
SOFT = RNG.dirichlet(np.ones(4), TRUTH.shape)  # classes last
PAIRS: dict[str, tuple[Array, Array, dict[str, Any]]] = {
    "labels": (GUESS.astype(np.uint8), TRUTH.astype(np.int16), {"labels": [1, 2], "regions": {"any": "*"}}),
    "wide labels": (GUESS * 2**40 - 2**62, TRUTH * 2**40 - 2**62, {"ignore_label": -(2**62)}),
    "float labels": (GUESS.astype(np.float32), TRUTH.astype(np.float64), {}),
    "masks": (GUESS == 1, TRUTH == 1, {}),
    "softmax": (SOFT, TRUTH, {"class_axis": -1}),
    "folded softmax": (SOFT.astype(np.float32), TRUTH, {"class_axis": 3, "labels": [1, 3], "regions": {"r": [1, 2]}}),
    "half precision": (np.moveaxis(SOFT, -1, 0).astype(np.float16), TRUTH, {"ignore_label": 2}),
    "single map": (SOFT[..., 1], (TRUTH == 1).astype(np.int8), {"threshold": 0.25}),
    "a strided map": (SOFT[::2, ::-1, :, 1], TRUTH[::2, ::-1], {"labels": [1]}),
}
REFUSED: dict[str, tuple[Array, Array, dict[str, Any]]] = {
    "neither labels nor probabilities": (SOFT[..., 1] * 5, TRUTH, {"labels": [1]}),
    "not finite": (np.where(SOFT > 0.9, np.nan, SOFT), TRUTH, {"class_axis": -1}),
    "channels that do not sum to 1": (SOFT * 0.9, TRUTH, {"class_axis": -1}),
    "fractional labels": (GUESS, TRUTH + 0.25, {}),
    "other shapes": (GUESS[1:], TRUTH, {}),
    "complex values": (GUESS.astype(complex), TRUTH, {}),
}


@pytest.fixture(scope="module")
def on_device() -> Place:
    """Put an array on the device."""
    problem = missing_device()
    if problem is not None:
        pytest.skip(problem)
    import cupy

    return lambda array: cupy.asarray(array)


@pytest.fixture(params=["both", "prediction", "reference"])
def places(request: pytest.FixtureRequest, on_device: Place) -> tuple[Place, Place]:
    """What happens to the prediction and to the reference."""
    return {
        "both": (on_device, on_device),
        "prediction": (on_device, np.asarray),
        "reference": (np.asarray, on_device),
    }[request.param]


def require_equal_rows(found: Report, expected: Report) -> None:
    (ours,), (theirs,) = found.cases, expected.cases
    assert (ours.confusion, ours.remarks, ours.kind) == (theirs.confusion, theirs.remarks, theirs.kind)
    assert found.signature == expected.signature
    for a, b in zip(ours.rows, theirs.rows, strict=True):
        assert (a.label, a.name) == (b.label, b.name)
        assert a.values.keys() == b.values.keys()
        np.testing.assert_allclose(list(a.values.values()), list(b.values.values()), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("pair", PAIRS)
def test_arrays_score_alike_wherever_they_lie(pair: str, places: tuple[Place, Place]) -> None:
    prediction, reference, options = PAIRS[pair]
    found = evaluate_arrays(places[0](prediction), places[1](reference), **options)
    require_equal_rows(found, evaluate_arrays(prediction, reference, **options))
    assert found.settings["backend"] == "cupy"


@pytest.mark.parametrize("pair", REFUSED)
def test_arrays_are_refused_alike_wherever_they_lie(pair: str, places: tuple[Place, Place]) -> None:
    prediction, reference, options = REFUSED[pair]
    with pytest.raises(SegevalError) as expected:
        evaluate_arrays(prediction, reference, **options)
    with pytest.raises(type(expected.value)) as found:
        evaluate_arrays(places[0](prediction), places[1](reference), **options)
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize("pair", PAIRS)
def test_host_arrays_counted_on_the_device_score_alike(pair: str, on_device: Place) -> None:  # noqa: ARG001
    prediction, reference, options = PAIRS[pair]
    found = evaluate_arrays(prediction, reference, backend="cupy", **options)
    require_equal_rows(found, evaluate_arrays(prediction, reference, **options))


@pytest.mark.skipif(missing_device() is None, reason="there is a CUDA device")
def test_an_array_that_lies_on_a_device_needs_one_to_be_counted() -> None:
    class OnDevice:
        """What libraries share; ``evaluate_arrays`` must not follow its pointer."""

        __cuda_array_interface__ = {"shape": (2,), "typestr": "<i4", "data": (0, False), "version": 3}  # noqa: RUF012

    with pytest.raises(UsageError, match=r"the reference lies on a CUDA device: .*host memory"):
        evaluate_arrays(np.zeros(2, int), OnDevice())


def test_an_unknown_backend_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="backend='gpu': write numpy or cupy or auto"):
        evaluate_arrays(TRUTH, TRUTH, backend="gpu")  # type: ignore[arg-type]

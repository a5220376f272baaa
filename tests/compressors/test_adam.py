import numpy as np
import pytest

from embcomp.compressors.adam import Adam
from embcomp.errors import ParameterError


def algorithm_1(theta, gradients, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """The paper's Algorithm 1, line by line, in float64."""
    theta = theta.astype(np.float64)
    m = np.zeros_like(theta)
    v = np.zeros_like(theta)
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        theta = theta - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return theta


def test_steps_as_the_paper_does():
    rng = np.random.default_rng(1)
    start = [rng.standard_normal((3, 4)).astype(np.float32), rng.standard_normal(5).astype(np.float32)]
    gradients = [[rng.standard_normal(p.shape).astype(np.float32) for p in start] for _ in range(20)]
    parameters = [p.copy() for p in start]
    adam = Adam(parameters, lr=0.05, betas=(0.8, 0.99), eps=1e-6)
    for each in gradients:
        adam.step(each)
    for i, parameter in enumerate(parameters):
        expected = algorithm_1(start[i], [g[i] for g in gradients], 0.05, 0.8, 0.99, 1e-6)
        np.testing.assert_allclose(parameter, expected, rtol=1e-4, atol=1e-6)
    assert adam.t == 20


def test_first_step_is_the_learning_rate_against_the_sign():
    theta = np.array([1.0, -2.0, 0.5], dtype=np.float32)
    Adam([theta]).step([np.array([10.0, -0.1, 0.0], dtype=np.float32)])
    np.testing.assert_allclose(theta, [0.999, -1.999, 0.5], rtol=1e-6)


def test_gradients_are_left_alone():
    gradient = np.array([3.0], dtype=np.float32)
    Adam([np.zeros(1, dtype=np.float32)]).step([gradient])
    assert gradient[0] == 3


def test_finds_the_minimum_of_a_parabola():
    theta = np.array([4.0], dtype=np.float32)
    adam = Adam([theta], lr=0.1)
    for _ in range(500):
        adam.step([2 * (theta - 1)])
    assert abs(theta[0] - 1) < 1e-3


def test_refuses_a_missing_gradient():
    with pytest.raises(ParameterError, match=r"^adam: 1 parameters, but 0 gradients$"):
        Adam([np.zeros(1, dtype=np.float32)]).step([])

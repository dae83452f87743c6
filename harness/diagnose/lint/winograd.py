"""Winograd convolution as MNN's float16 kernels do it, replayed with numpy.

A tile of m x m outputs is A^T [(G g G^T) * (B^T d B)] A, summed over channels between the brackets. That saves
multiplications and costs accuracy: the transforms subtract numbers of equal size, and A spreads the error of every
sum over the tile (Barabasz, Anderson, Soodhalter, Gregg: Error Analysis and Improving the Accuracy of Winograd
Convolution for Deep Neural Networks, ACM TOMS 46, 2020). MNN evaluates at 0, 1, -1, 2, -2 and infinity, divides in
G, and has float16 kernels for input tiles of 4 x 4 and 6 x 6.
"""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import polynomial
from numpy.typing import NDArray

from harness.diagnose.lint.call import Call
from harness.diagnose.lint.graph import Array
from harness.diagnose.lint.half import Floats, accumulate, half
from harness.diagnose.lint.windows import Index, pad_before

_TILES = (4, 6)
"""Sides of the input tiles that there are float16 kernels for."""

_MOST = 1 << 20
"""Numbers in the input tiles of one call, at most."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Transforms:
    """The three matrices for m outputs in a row and a kernel of r."""

    a: Matrix
    b: Matrix
    g: Matrix

    @property
    def outputs(self) -> int:
        """How many outputs a tile has in a row."""
        return int(self.a.shape[1])


def transforms(outputs: int, kernel: int) -> Transforms:
    """Return A [n, m], B [n, n] and G [n, r] with n = m + r - 1, by the method of Cook and Toom.

    `B` is what the input is multiplied with from the left, already transposed.
    """
    size = outputs + kernel - 1
    points = np.array([(1 + i // 2) * (-1) ** i for i in range(-1, size - 2)], np.float64)
    points[0] = 0
    a, g = (np.vstack([points[:, None] ** np.arange(n), np.eye(n)[-1]]) for n in (outputs, kernel))
    b = np.zeros((size, size))
    for row, point in enumerate(points):
        others = points[points != point]
        b[row, : size - 1] = polynomial.polyfromroots(others)
        g[row] /= np.prod(point - others)
    b[-1] = polynomial.polyfromroots(points)
    return Transforms(a, b, g)


def tile_of(call: Call) -> Transforms | None:
    """Return the transforms that MNN's float16 kernels use for a convolution, or None where they multiply directly.

    It takes the tile that saves most by its own estimate of the operations (ConvolutionPackWinograd).
    """
    if call.node.op != "Conv" or not call.constant(1) or call.output.ndim != 4:
        return None
    channels, kernel, width = call.input(1).shape[1:]
    plain = all(tuple(call.node.attributes.get(key, (1, 1))) == (1, 1) for key in ("strides", "dilations"))
    if kernel != width or kernel == 1 or not plain or (channels == 1 and call.group > 1):
        return None
    size = call.output.shape[2:]
    fitting = [tile for tile in _TILES if 2 <= tile - kernel + 1 <= min(size)]
    gains = {tile: _gain(tile, kernel, channels, call.output.shape[1] // call.group, size) for tile in fitting}
    best = max(gains, key=lambda tile: gains[tile], default=0)
    return transforms(best - kernel + 1, kernel) if best and gains[best] >= 1 else None


def _gain(tile: int, kernel: int, channels: int, outputs: int, size: tuple[int, ...]) -> float:
    """Return how many times fewer operations a tile needs than the direct way."""
    m = tile - kernel + 1
    direct = size[0] * size[1] * 2 * channels * outputs * kernel**2
    tiles = -(-size[0] // m) * -(-size[1] // m)
    once = 2 * tile**3 * channels + 2 * tile**2 * channels * outputs + (tile + m) * m * 2 * tile * outputs
    return float(direct / (once * tiles))


def replay(matrices: Transforms, call: Call, *, count: int, random: np.random.RandomState) -> tuple[Floats, Floats]:
    """Return about `count` outputs as float16 kernels compute them, and as they are in fp32, [tiles, m, m] both."""
    weights, m, n = call.input(1), matrices.outputs, len(matrices.b)
    number = max(1, min(count // m**2, _MOST // (weights.shape[1] * n * n)))
    channel = random.randint(0, call.output.shape[1], number)
    row, column = (m * random.randint(0, call.output.shape[axis] // m, number) for axis in (2, 3))
    taken = half(_input_tiles(call, (channel, row, column), n))
    found = half(_tiles(matrices, taken, weights[channel]) + half(call.bias(channel))[:, None, None])
    right = [call.output[0, c, y : y + m, x : x + m] for c, y, x in zip(channel, row, column, strict=True)]
    return found, np.stack(right)


def _input_tiles(call: Call, where: tuple[Index, Index, Index], size: int) -> Array:
    """Return [tiles, C, size, size] of the input, for output channels and upper left corners of tiles."""
    channel, *corner = where
    before = [pad_before(call, axis, call.input(1).shape[2]) for axis in (0, 1)]
    x = np.pad(call.input(0)[0], ((0, 0), (before[0], size), (before[1], size)))
    rows, columns = (start[:, None] + np.arange(size) for start in corner)
    channels = call.first_input_channel(channel)[:, None] + np.arange(call.input(1).shape[1])
    return np.asarray(x[channels[:, :, None, None], rows[:, None, :, None], columns[:, None, None, :]])


def _tiles(matrices: Transforms, taken: Floats, kernels: Array) -> Floats:
    """Return [tiles, m, m] from inputs [tiles, C, n, n] and kernels [tiles, C, r, r]."""
    u = half(np.einsum("ni,tcij,mj->tcnm", matrices.g, kernels, matrices.g).astype(np.float32))
    v = _both_sides(matrices.b, taken)
    sums = accumulate(np.moveaxis(v, 1, 0), np.moveaxis(u, 1, 0))
    return _both_sides(matrices.a.T, sums)


def _both_sides(matrix: Matrix, tiles: Floats) -> Floats:
    """Return M t M^T for all tiles, in float16."""
    coefficients = matrix.astype(np.float32)
    rows = accumulate(np.moveaxis(tiles, -1, 0)[:, ..., None], coefficients.T)
    # The columns are done, and stand last; now the rows, which stand last but one.
    return accumulate(np.moveaxis(rows, -2, 0)[..., None, :], coefficients.T[:, :, None])

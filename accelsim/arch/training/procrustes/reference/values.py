"""The tensors of training: what each product reads and which sum it joins."""

import numpy as np

from accelsim.arch.training.procrustes.reference.loops import LoopAxis, Loops, Weight


class Tensors:
    """x and dL/dy, and the sums y, dL/dx and dL/dW under way. Planes of x and dL/dx have their padding around them."""

    def __init__(self, loops: Loops, dy: np.ndarray) -> None:
        """dy: dL/dy [N, K, P, Q]."""
        self.loops = loops
        padding = (loops.rows.padding, loops.cols.padding)
        self.x = np.pad(loops.activation, ((0, 0), (0, 0), *((p, p) for p in padding)))
        self.dy = dy
        self.y = np.zeros(dy.shape, np.int64)
        self.y += loops.bias[None, :, None, None]
        self.padded_dx = np.zeros(self.x.shape, np.int64)
        self.dw = np.zeros(loops.weight.shape, np.int64)

    @property
    def dx(self) -> np.ndarray:
        """dL/dx [N, C, H, W]; what fell in the padding belongs to no input."""
        rows, cols = self.loops.rows, self.loops.cols
        return self.padded_dx[:, :, rows.padding:rows.padding + rows.inputs, cols.padding:cols.padding + cols.inputs]

    def multiply(self, phase: str, weight: Weight, images: range, rows: range, cols: range) -> int:
        """A weight meets the outputs rows x cols of `images`, in any pass. Returns the multiply-accumulates made."""
        if len(rows) * len(cols) == 0:
            return 0
        k, c = weight.k, self.loops.channel_of(weight)
        image = slice(images.start, images.stop)
        outputs = (image, k, slice(rows.start, rows.stop), slice(cols.start, cols.stop))
        inputs = (image, c, _under(self.loops.rows, weight.r, rows), _under(self.loops.cols, weight.s, cols))
        if phase == "forward":
            self.y[outputs] += weight.value * self.x[inputs]
        elif phase == "backward":
            self.padded_dx[inputs] += weight.value * self.dy[outputs]
        else:
            self.dw[k, weight.c, weight.r, weight.s] += (self.x[inputs] * self.dy[outputs]).sum()
        return len(images) * len(rows) * len(cols)


def _under(axis: LoopAxis, tap: int, outputs: range) -> slice:
    """The inputs, counted from the padding's edge, that a tap of a run of outputs meets."""
    first, last = (output * axis.stride + tap * axis.dilation for output in (outputs[0], outputs[-1]))
    return slice(first, last + 1, axis.stride)

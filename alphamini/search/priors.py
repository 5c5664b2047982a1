"""The evaluator's numbers become priors, written straight into the trees."""

import numpy as np
from numba import njit

_HUGE = np.float32(1e30)
_LOWEST = np.float32(-3.0e38)


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "nsz", "nnan"})
def masked_softmaxes(logits, mask, scale, capacity, leaf_row, leaf_node, bits, powers, priors):
    """priors f4[B*N, A] of the leaves: softmax of scale * logits f4[count, A] over the legal actions (mask u1[count, A]), -1
    elsewhere; scale > 0.

    exp(x) = 2**n * 2**f with a polynomial for 2**f in (0, 1] (relative error below 3e-7) and the exponent's bits
    for 2**n: the compiler vectorises this, and not `exp`. `bits` i4[A] and `powers` f4[A] are one memory.
    One call for all: to pass the arrays of each row takes longer than connect four's seven actions.
    """
    binary = scale * np.float32(1.44269504)
    for i in range(len(mask)):
        out = priors[leaf_row[i] * capacity + leaf_node[i]]
        top = _LOWEST
        for a in range(len(out)):
            top = max(top, logits[i, a] if mask[i, a] else _LOWEST)
        for a in range(len(out)):
            t = max((logits[i, a] - top) * binary, np.float32(-120.0))
            t = min(t, np.float32(0.0))
            n = np.int32(t) - np.int32(1)
            f = t - np.float32(n)
            two_to_f = np.float32(1.8775767e-3)
            two_to_f = two_to_f * f + np.float32(8.9893397e-3)
            two_to_f = two_to_f * f + np.float32(5.5826318e-2)
            two_to_f = two_to_f * f + np.float32(2.4015361e-1)
            two_to_f = two_to_f * f + np.float32(6.9315308e-1)
            two_to_f = two_to_f * f + np.float32(9.9999994e-1)
            out[a] = two_to_f if mask[i, a] else np.float32(0.0)
            bits[a] = (n + np.int32(127)) << np.int32(23)
        total = np.float32(0.0)
        for a in range(len(out)):
            out[a] *= powers[a]
            total += out[a]
        share = np.float32(1.0) / total  # total is at least 2**-120: something is legal
        for a in range(len(out)):
            out[a] = out[a] * share if mask[i, a] else np.float32(-1.0)


@njit(nogil=True, cache=True)
def write_priors(logits, values, mask, scale, capacity, leaf_row, leaf_node, bits, powers, priors, legal):
    """priors f4[B*N, A] of the leaves from scale * logits f4[count, A]; legal i4[>= count]: their numbers of legal actions.

    ValueError, before anything is written, for what would lead the descents astray: a value or a logit that is not
    a finite number (-inf is a logit that means never), a game that goes on without a legal action.
    """
    for i in range(len(values)):
        sound = abs(values[i]) < _HUGE
        legal[i] = 0
        for a in range(mask.shape[1]):
            sound &= logits[i, a] < _HUGE
            legal[i] += mask[i, a]
        if not sound:
            raise ValueError("the evaluator gave a value or a logit that is not a finite number")
        if legal[i] == 0:
            raise ValueError("the rules gave no legal action in a game that goes on")
    masked_softmaxes(logits, mask, scale, capacity, leaf_row, leaf_node, bits, powers, priors)

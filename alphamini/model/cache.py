"""A table of positions already evaluated, shared by all games of a process: openings repeat, and moves transpose."""

from __future__ import annotations

from threading import Lock

import numpy as np
from numba import njit
from numpy.typing import NDArray

from alphamini.model.fold import Array
from games import Game, States

MEMORY = 64 << 20  # bytes of a table, at most; the machine gives them page by page, as it fills


@njit(nogil=True, cache=True)
def _slot(words, slots):
    """Where in the table a record belongs. Multiply and fold, a word at a time."""
    h = np.uint64(0x9E3779B97F4A7C15)
    for i in range(len(words)):
        h = (h ^ words[i]) * np.uint64(0xD6E8FEB86659FD93)
        h ^= h >> np.uint64(32)
    return np.int64(h & np.uint64(slots - 1))


@njit(nogil=True, cache=True)
def _find(words, keys, key_logits, key_values, logits, values, slots, missed):
    """Copies what is known of the records words u8[B, W]; their slots go to `slots`, the rows not known to `missed`.

    Returns how many are not known. A slot whose value is nan is empty.
    """
    misses = 0
    for i in range(len(words)):
        slot = _slot(words[i], len(keys))
        slots[i] = slot
        known = not np.isnan(key_values[slot])
        for w in range(words.shape[1]):
            known = known and keys[slot, w] == words[i, w]
        if known:
            logits[i, :] = key_logits[slot]
            values[i] = key_values[slot]
        else:
            missed[misses] = i
            misses += 1
    return misses


@njit(nogil=True, cache=True)
def _keep(words, keys, key_logits, key_values, new_logits, new_values, logits, values, slots, missed):
    """Row j of the new answers is the answer for record missed[j]: to the table, over what was there, and to the caller."""
    for j in range(len(missed)):
        i = missed[j]
        slot = slots[i]
        keys[slot, :] = words[i]
        key_logits[slot, :] = logits[i, :] = new_logits[j]
        key_values[slot] = values[i] = new_values[j]


class EvaluationCache:
    """Direct-mapped: a new position takes the place of the one that has its slot. Whole records are compared.

    For one set of weights: new weights get a new cache. Any number of threads.
    """

    def __init__(self, game: Game, memory: int = MEMORY):
        """Of at most `memory` bytes, but for one position at least."""
        record = game.dtype.itemsize
        count = 1 << max(1, memory // (record + 4 * game.num_actions + 4)).bit_length() - 1
        self._keys = np.empty((count, record // 8), np.uint64)
        self._logits = np.empty((count, game.num_actions), np.float32)
        self._values = np.full(count, np.nan, np.float32)
        self._lock = Lock()
        self.computed = 0  # positions so far that the evaluator had to answer

    def find(self, states: States, lookup: Lookup) -> NDArray[np.int64]:
        """Fills `lookup` with what is known of states [B]; returns the rows that are not known."""
        lookup.words = np.ascontiguousarray(states).view(np.uint64).reshape(len(states), self._keys.shape[1])
        lookup.resize(len(states))
        with self._lock:
            misses = _find(lookup.words, self._keys, self._logits, self._values, lookup.logits, lookup.values,
                           lookup.slots, lookup.missed)  # fmt: skip
        return lookup.missed[:misses]

    def keep(self, lookup: Lookup, missed: NDArray[np.int64], logits: Array, values: Array) -> None:
        """The evaluator's answers for the rows `missed` of `lookup`: logits f4[len(missed), A], values f4[len(missed)]."""
        with self._lock:
            _keep(lookup.words, self._keys, self._logits, self._values, logits, values, lookup.logits, lookup.values,
                  lookup.slots, missed)  # fmt: skip
            self.computed += len(missed)


class Lookup:
    """One thread's batch: the records asked about, and the answers logits f4[B, A], values f4[B]."""

    def __init__(self, game: Game):
        self._actions = game.num_actions
        self.words = np.zeros((0, 0), np.uint64)
        self.logits, self.values = np.zeros((0, game.num_actions), np.float32), np.zeros(0, np.float32)
        self.slots, self.missed = np.zeros(0, np.int64), np.zeros(0, np.int64)

    def resize(self, count: int) -> None:
        """Makes room for `count` records."""
        if count > len(self.slots):
            self.logits, self.values = np.zeros((count, self._actions), np.float32), np.zeros(count, np.float32)
            self.slots, self.missed = np.zeros(count, np.int64), np.zeros(count, np.int64)

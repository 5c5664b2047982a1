"""The search tree's machine code: PUCT over many trees at once, with proofs. It knows nothing of any game.

One tree is N node records in flat memory, seen as i4 (`ints`) and as f4 (`floats`); B trees lie one after another.
A record is a 48-byte header and then slots of 16 bytes, one for each *opened* child. Children are opened lazily, in
prior order: among actions never tried the one with the highest prior has the highest PUCT score, so a descent looks
at the opened slots and one number. It touches one or two cache lines a level.
Priors of unopened actions are in `priors` f4[B*N, A] (-1: illegal or opened). A child has a larger index than its parent.

`rows` [n] are indices of trees, no index twice.

Values are in [-1, 1] for the side to move *at that node*; `_turn` is the only place where a sign is flipped.
Proofs (PROVEN) are integers from the same point of view: 0 unknown, DRAWN, WON - d (a win in d plies), d - WON (a loss).
"""

import math

import numpy as np
from numba import njit

# Header fields, in 4-byte words. The last three hold floats. UNPROVEN counts legal actions without a proof: it is 0
# until the node has been evaluated, so for ever where the game is over.
VISITS, OPENED, UNPROVEN, PARENT, SLOT, ACTION, TO_PLAY, PROVEN, NEXT_ACTION = range(9)
NEXT_PRIOR, VALUE_SUM, OPENED_PRIOR = range(9, 12)
HEADER = 12
# Slot fields. S_VALUE_SUM is for the side to move at the parent; S_PRIOR < 0 closes a slot (a proven loss).
S_PRIOR, S_VISITS, S_VALUE_SUM, S_CHILD = range(4)
SLOT_WORDS = 4

WON, DRAWN = 16384, 1
UNSORTED = -2  # NEXT_ACTION: not looked for yet (-1: none left)
ONGOING = -1
PROOF_RETRIES = 16  # descents that may end on proven nodes before a tree gives its place in the wave away

_HUGE = np.float32(1e30)
_FAST = {"reassoc", "contract", "nsz", "nnan"}


@njit(nogil=True, cache=True)
def _turn(value, mover, other):
    """A value for the side to move at one node, seen by the side to move at another."""
    return value if mover == other else -value


@njit(nogil=True, cache=True)
def _turn_proof(proof, mover, other):
    """A child's proof seen from its parent: one ply further away."""
    if proof == DRAWN:
        return DRAWN
    proof = proof if mover == other else -proof
    return proof - 1 if proof > 0 else proof + 1


@njit(nogil=True, cache=True)
def _proven_value(proof):
    return np.float32(0.0) if proof == DRAWN else np.float32(1.0 if proof > 0 else -1.0)


@njit(nogil=True, cache=True)
def _prove_parent(ints, floats, tree, stride, parent, child):
    """`child` has just been proven: what does that prove about `parent`?"""
    p, c = (tree + parent) * stride, (tree + child) * stride
    seen = _turn_proof(ints[c + PROVEN], ints[c + TO_PLAY], ints[p + TO_PLAY])
    ints[p + UNPROVEN] -= 1
    if seen < 0:
        floats[p + HEADER + SLOT_WORDS * ints[c + SLOT] + S_PRIOR] = -1.0
    if seen > DRAWN:
        ints[p + PROVEN] = seen
    elif ints[p + UNPROVEN] == 0:
        best = -WON
        for k in range(ints[p + OPENED]):
            o = (tree + ints[p + HEADER + SLOT_WORDS * k + S_CHILD]) * stride
            best = max(best, _turn_proof(ints[o + PROVEN], ints[o + TO_PLAY], ints[p + TO_PLAY]))
        ints[p + PROVEN] = best


@njit(nogil=True, cache=True)
def _backup(ints, floats, tree, stride, node, value, proven):
    """Adds one visit of `value` from `node` to the root. `proven`: the node has got its proof just now."""
    while True:
        n = (tree + node) * stride
        ints[n + VISITS] += 1
        floats[n + VALUE_SUM] += value
        parent = ints[n + PARENT]
        if parent < 0:
            return
        p = (tree + parent) * stride
        value = _turn(value, ints[n + TO_PLAY], ints[p + TO_PLAY])
        s = p + HEADER + SLOT_WORDS * ints[n + SLOT]
        ints[s + S_VISITS] += 1
        floats[s + S_VALUE_SUM] += value
        if proven:
            if ints[p + PROVEN] != 0:
                proven = False
            else:
                _prove_parent(ints, floats, tree, stride, parent, node)
                proven = ints[p + PROVEN] != 0
                if proven:
                    value = _proven_value(ints[p + PROVEN])
        node = parent


@njit(nogil=True, cache=True, fastmath=_FAST)
def _next_unopened(ints, floats, priors, n, row):
    """Finds the unopened action with the highest prior (the lowest action among equals)."""
    actions = priors.shape[1]
    best = np.float32(-0.5)
    for a in range(actions):
        best = max(best, priors[row, a])
    action = actions
    for a in range(actions):  # a second pass, so that the compiler vectorises both
        action = min(action, a if priors[row, a] == best else actions)
    ints[n + NEXT_ACTION] = action if action < actions else -1
    floats[n + NEXT_PRIOR] = best


@njit(nogil=True, cache=True)
def _best_child(ints, floats, priors, n, row, explore, fpu):
    """PUCT (Silver et al. 2018, suppl. "Search"): the slot of the best child, or -1 for the next unopened one.

    `explore[v]` is c(v) * sqrt(v). An action never tried counts as its parent's mean value less
    fpu * sqrt(prior mass tried) (first-play urgency as in KataGo, arXiv 1902.10565, appendix A).
    """
    if ints[n + NEXT_ACTION] == UNSORTED:
        _next_unopened(ints, floats, priors, n, row)
    visits = ints[n + VISITS]
    last = len(explore) - 1
    weight = explore[min(visits, last)]
    if visits > last:
        weight *= np.float32(math.sqrt(visits / last))
    best, score = -2, np.float32(-np.inf)
    if ints[n + NEXT_ACTION] >= 0:
        mean = floats[n + VALUE_SUM] / np.float32(visits)
        first = mean - fpu * np.float32(math.sqrt(max(floats[n + OPENED_PRIOR], np.float32(0.0))))
        score = first + weight * floats[n + NEXT_PRIOR]
        best = -1
    for k in range(ints[n + OPENED]):
        s = n + HEADER + SLOT_WORDS * k
        prior = floats[s + S_PRIOR]
        if prior >= 0:
            count = np.float32(ints[s + S_VISITS])
            puct = floats[s + S_VALUE_SUM] / count + weight * prior / (np.float32(1.0) + count)
            # An opened child wins a tie: its action came earlier in prior order.
            if puct > score or (puct == score and best == -1):
                best, score = k, puct
    return best


@njit(nogil=True, cache=True)
def _open(ints, floats, priors, counts, b, tree, stride, node):
    """Makes the child for the next unopened action of `node`; its index."""
    n = (tree + node) * stride
    action = ints[n + NEXT_ACTION]
    k = ints[n + OPENED]
    child = counts[b]
    counts[b] += 1
    s = n + HEADER + SLOT_WORDS * k
    floats[s + S_PRIOR] = floats[n + NEXT_PRIOR]
    ints[s + S_VISITS] = 0
    floats[s + S_VALUE_SUM] = 0.0
    ints[s + S_CHILD] = child
    ints[n + OPENED] = k + 1
    floats[n + OPENED_PRIOR] += floats[n + NEXT_PRIOR]
    priors[tree + node, action] = -1.0
    ints[n + NEXT_ACTION] = UNSORTED
    _blank(ints, floats, (tree + child) * stride, node, k, action)
    return child


@njit(nogil=True, cache=True)
def _blank(ints, floats, n, parent, slot, action):
    for field in range(HEADER):
        ints[n + field] = 0
    ints[n + PARENT], ints[n + SLOT], ints[n + ACTION] = parent, slot, action
    ints[n + NEXT_ACTION] = UNSORTED


@njit(nogil=True, cache=True)
def reset(ints, floats, states, counts, stride, capacity, rows, roots, to_play, outcomes):
    """Tree rows[i] becomes a lone root with state bytes roots[i]; a finished game's root is proven at once."""
    for i in range(len(rows)):
        b = rows[i]
        tree = b * capacity
        _blank(ints, floats, tree * stride, -1, -1, -1)
        _arrive(ints, tree * stride, to_play[i], outcomes[i])
        states[tree, :] = roots[i]
        counts[b] = 1


@njit(nogil=True, cache=True)
def _arrive(ints, n, to_play, outcome):
    """A node learns what the rules say of its state; True if the game is over there."""
    ints[n + TO_PLAY] = to_play
    if outcome == ONGOING:
        return False
    ints[n + PROVEN] = DRAWN if outcome == 2 else (WON if outcome == to_play else -WON)
    return True


@njit(nogil=True, cache=True)
def searching(ints, counts, stride, capacity, rows, budget, out):
    """out u1[len(rows)]: 1 while a tree wants simulations (below its budget, not proven, not full)."""
    for i in range(len(rows)):
        b = rows[i]
        n = b * capacity * stride
        out[i] = (
            ints[n + VISITS] < budget[b] and ints[n + PROVEN] == 0 and (counts[b] < capacity or ints[n + VISITS] == 0)
        )


@njit(nogil=True, cache=True)
def select(
    ints, floats, priors, states, counts, stride, capacity, rows, budget, explore, fpu, root_fpu,
    offset, leaf_row, leaf_node, leaf_action, leaf_state,
):  # fmt: skip
    """One descent for each of `rows` with an evaluated root, to a new node; writes the leaves from `offset` on.

    `leaf_state` u1[*, bytes] gets the *parent's* state, for the rules to step. A descent that ends on a proven
    node is backed up here and tried again. Returns the number of leaves written.
    """
    found = offset
    for i in range(len(rows)):
        b = rows[i]
        tree = b * capacity
        root = tree * stride
        if ints[root + VISITS] == 0:
            continue
        for _ in range(PROOF_RETRIES):
            if ints[root + PROVEN] != 0 or ints[root + VISITS] >= budget[b] or counts[b] >= capacity:
                break
            node = 0
            opened = False
            while not opened:
                n = (tree + node) * stride
                if ints[n + PROVEN] != 0:
                    break
                k = _best_child(ints, floats, priors, n, tree + node, explore, root_fpu if node == 0 else fpu)
                if k >= 0:
                    node = ints[n + HEADER + SLOT_WORDS * k + S_CHILD]
                else:
                    opened = True
            if opened:
                leaf_row[found] = b
                leaf_state[found, :] = states[tree + node]
                child = _open(ints, floats, priors, counts, b, tree, stride, node)
                leaf_node[found] = child
                leaf_action[found] = ints[(tree + child) * stride + ACTION]
                found += 1
                break
            _backup(ints, floats, tree, stride, node, _proven_value(ints[(tree + node) * stride + PROVEN]), False)
    return found - offset


@njit(nogil=True, cache=True)
def settle(
    ints, floats, states, stride, capacity, offset, end, leaf_row, leaf_node, leaf_state, to_play, outcome, again
):  # fmt: skip
    """Leaves [offset, end) have been stepped: finished games are backed up, the others kept, moved together.

    `to_play`, `outcome` i1[>= end] are fields of `leaf_state`'s records, so they move with it. The trees that met
    the end of a game are listed in `again`. Returns (end of the kept leaves, trees in `again`).
    """
    kept = offset
    finished = 0
    for i in range(offset, end):
        b, node = leaf_row[i], leaf_node[i]
        tree = b * capacity
        n = (tree + node) * stride
        states[tree + node, :] = leaf_state[i]
        if _arrive(ints, n, to_play[i], outcome[i]):
            _backup(ints, floats, tree, stride, node, _proven_value(ints[n + PROVEN]), True)
            again[finished] = b
            finished += 1
        else:
            if kept < i:
                leaf_row[kept], leaf_node[kept] = b, node
                leaf_state[kept, :] = leaf_state[i]
            kept += 1
    return kept, finished


@njit(nogil=True, cache=True)
def unevaluated_roots(ints, states, stride, capacity, rows, budget, offset, leaf_row, leaf_node, leaf_state):
    """Appends the roots that have never been evaluated, and may be, to the leaves; their number."""
    found = offset
    for i in range(len(rows)):
        b = rows[i]
        root = b * capacity * stride
        if ints[root + VISITS] == 0 and ints[root + PROVEN] == 0 and budget[b] > 0:
            leaf_row[found], leaf_node[found] = b, 0
            leaf_state[found, :] = states[b * capacity]
            found += 1
    return found - offset


@njit(nogil=True, cache=True, fastmath=_FAST)
def masked_softmax(logits, mask, bits, powers, out):
    """out f4[A]: softmax over the legal actions, -1 elsewhere; returns the number of legal actions.

    exp(x) = 2**n * 2**f with a polynomial for 2**f in [0, 1) (relative error below 3e-7) and the exponent's bits
    for 2**n: the compiler vectorises this, and not `exp`. `bits` i4[A] and `powers` f4[A] are one memory.
    """
    top = np.float32(-3.0e38)
    legal = 0
    for a in range(len(mask)):
        top = max(top, logits[a] if mask[a] else np.float32(-3.0e38))
        legal += mask[a]
    for a in range(len(mask)):
        t = max((logits[a] - top) * np.float32(1.44269504), np.float32(-120.0))
        t = min(t, np.float32(0.0))
        n = np.int32(t) - np.int32(1)
        f = t - np.float32(n)  # in (0, 1]
        two_to_f = np.float32(1.8775767e-3)
        two_to_f = two_to_f * f + np.float32(8.9893397e-3)
        two_to_f = two_to_f * f + np.float32(5.5826318e-2)
        two_to_f = two_to_f * f + np.float32(2.4015361e-1)
        two_to_f = two_to_f * f + np.float32(6.9315308e-1)
        two_to_f = two_to_f * f + np.float32(9.9999994e-1)
        out[a] = two_to_f if mask[a] else np.float32(0.0)
        bits[a] = (n + np.int32(127)) << np.int32(23)
    total = np.float32(0.0)
    for a in range(len(mask)):
        out[a] *= powers[a]
        total += out[a]
    scale = np.float32(1.0) / max(total, np.float32(1.2e-38))  # at least 2**-120 where anything is legal
    for a in range(len(mask)):
        out[a] = out[a] * scale if mask[a] else np.float32(-1.0)
    return legal


@njit(nogil=True, cache=True)
def expand(
    ints, floats, priors, stride, capacity, count, leaf_row, leaf_node, logits, values, mask, noise, noise_share,
    bits, powers,
):  # fmt: skip
    """Leaves get their priors and values from the evaluator, and every tree its visit. A root gets its noise.

    ValueError, before anything is written, where the evaluator or the rules would lead the descents astray: a value
    or logit that is not a number, a game that goes on without a legal action.
    """
    for i in range(count):
        sound = abs(values[i]) < _HUGE
        legal = 0
        for a in range(priors.shape[1]):
            sound &= logits[i, a] < _HUGE
            legal += mask[i, a]
        if not sound:
            raise ValueError("the evaluator gave a value or a logit that is not a finite number")
        if legal == 0:
            raise ValueError("the rules gave no legal action in a game that goes on")
    for i in range(count):
        b, node = leaf_row[i], leaf_node[i]
        tree = b * capacity
        n = (tree + node) * stride
        ints[n + UNPROVEN] = masked_softmax(logits[i], mask[i], bits, powers, priors[tree + node])
        value = min(max(values[i], np.float32(-1.0)), np.float32(1.0))
        if node == 0:
            _mix_noise(ints, floats, priors, tree, stride, noise[b], noise_share[b])
        _backup(ints, floats, tree, stride, node, value, False)


@njit(nogil=True, cache=True)
def _mix_noise(ints, floats, priors, tree, stride, noise, share):
    """prior <- (1 - share) prior + share * noise, over the root's actions that are not proven lost."""
    n = tree * stride
    if share <= 0:
        return
    total = np.float32(0.0)
    for a in range(priors.shape[1]):
        if priors[tree, a] >= 0:
            total += noise[a]
    for k in range(ints[n + OPENED]):
        s = n + HEADER + SLOT_WORDS * k
        if floats[s + S_PRIOR] >= 0:
            total += noise[ints[(tree + ints[s + S_CHILD]) * stride + ACTION]]
    if total <= 0:
        return
    for a in range(priors.shape[1]):
        if priors[tree, a] >= 0:
            priors[tree, a] = (np.float32(1.0) - share) * priors[tree, a] + share * noise[a] / total
    opened = np.float32(0.0)
    for k in range(ints[n + OPENED]):
        s = n + HEADER + SLOT_WORDS * k
        if floats[s + S_PRIOR] >= 0:
            action = ints[(tree + ints[s + S_CHILD]) * stride + ACTION]
            floats[s + S_PRIOR] = (np.float32(1.0) - share) * floats[s + S_PRIOR] + share * noise[action] / total
            opened += floats[s + S_PRIOR]
    floats[n + OPENED_PRIOR] = opened
    ints[n + NEXT_ACTION] = UNSORTED


@njit(nogil=True, cache=True)
def advance(
    ints, floats, priors, states, counts, stride, capacity, rows, actions, noise, noise_share, moved, place
):  # fmt: skip
    """The child for actions[i] becomes the root of tree rows[i], with all below it; moved[i] = 0 if there is none.

    Works in place: children come after their parents, so a node never moves onto one that is still needed.
    `place` i4[N] is scratch: the new index of every node that stays.
    """
    for i in range(len(rows)):
        b = rows[i]
        tree = b * capacity
        root = tree * stride
        new_root = -1
        for k in range(ints[root + OPENED]):
            child = ints[root + HEADER + SLOT_WORDS * k + S_CHILD]
            if ints[(tree + child) * stride + ACTION] == actions[i]:
                new_root = child
        moved[i] = new_root >= 0
        if new_root < 0:
            continue
        place[:new_root] = -1
        place[new_root] = 0
        kept = 1
        for node in range(new_root + 1, counts[b]):
            if place[ints[(tree + node) * stride + PARENT]] >= 0:
                place[node] = kept
                kept += 1
            else:
                place[node] = -1
        for node in range(new_root, counts[b]):
            to = place[node]
            if to < 0:
                continue
            source, target = (tree + node) * stride, (tree + to) * stride
            opened = ints[source + OPENED]
            for w in range(HEADER + SLOT_WORDS * opened):
                ints[target + w] = ints[source + w]
            priors[tree + to, :] = priors[tree + node, :]
            states[tree + to, :] = states[tree + node, :]
            ints[target + PARENT] = place[ints[source + PARENT]] if node != new_root else -1
            for k in range(opened):
                s = target + HEADER + SLOT_WORDS * k + S_CHILD
                ints[s] = place[ints[s]]
        counts[b] = kept
        ints[root + SLOT] = -1
        if ints[root + UNPROVEN] > 0:
            _mix_noise(ints, floats, priors, tree, stride, noise[b], noise_share[b])


@njit(nogil=True, cache=True)
def root_statistics(ints, floats, priors, stride, capacity, rows, visits, q, prior, proof):
    """What the root's actions have come to, [len(rows), A] each: visits i4; mean value q f4 for the root's side to
    move (nan: never tried); prior f4 (a closed slot: 0); proof i4 for the root's side to move, counted from the root."""
    for i in range(len(rows)):
        tree = rows[i] * capacity
        n = tree * stride
        visits[i, :] = 0
        q[i, :] = np.nan
        proof[i, :] = 0
        for a in range(priors.shape[1]):
            prior[i, a] = max(priors[tree, a], np.float32(0.0)) if ints[n + UNPROVEN] > 0 else np.float32(0.0)
        for k in range(ints[n + OPENED]):
            s = n + HEADER + SLOT_WORDS * k
            c = (tree + ints[s + S_CHILD]) * stride
            action = ints[c + ACTION]
            visits[i, action] = ints[s + S_VISITS]
            q[i, action] = floats[s + S_VALUE_SUM] / np.float32(max(ints[s + S_VISITS], 1))
            prior[i, action] = max(floats[s + S_PRIOR], np.float32(0.0))
            if ints[c + PROVEN] != 0:
                proof[i, action] = _turn_proof(ints[c + PROVEN], ints[c + TO_PLAY], ints[n + TO_PLAY])


@njit(nogil=True, cache=True)
def search_policy(ints, floats, priors, stride, capacity, rows, out):
    """out f4[len(rows), A]: how the search would move, a distribution.

    Won: the quickest proven wins alone. Lost: the longest resistance alone. Else the visits without the proven
    losses; where nothing has been tried (a budget of 1) the prior itself. All 0 for a root that is over or not evaluated.
    """
    for i in range(len(rows)):
        tree = rows[i] * capacity
        n = tree * stride
        out[i, :] = 0.0
        proven = ints[n + PROVEN]
        for k in range(ints[n + OPENED]):
            s = n + HEADER + SLOT_WORDS * k
            c = (tree + ints[s + S_CHILD]) * stride
            seen = 0
            if ints[c + PROVEN] != 0:
                seen = _turn_proof(ints[c + PROVEN], ints[c + TO_PLAY], ints[n + TO_PLAY])
            if proven != 0:
                out[i, ints[c + ACTION]] = 1.0 if seen == proven else 0.0
            elif seen >= 0:
                out[i, ints[c + ACTION]] = ints[s + S_VISITS]
        total = out[i].sum()
        if total <= 0 and ints[n + UNPROVEN] > 0:
            for a in range(priors.shape[1]):
                out[i, a] = max(priors[tree, a], np.float32(0.0))
            total = out[i].sum()
        if total > 0:
            out[i] /= total


@njit(nogil=True, cache=True)
def principal_variation(ints, floats, stride, capacity, row, out):
    """The most visited line from the root into out i4[*] (a proven result first); its length."""
    tree = row * capacity
    node, length = 0, 0
    while length < len(out):
        n = (tree + node) * stride
        best, most = -1, -1.0
        for k in range(ints[n + OPENED]):
            s = n + HEADER + SLOT_WORDS * k
            c = (tree + ints[s + S_CHILD]) * stride
            weight = float(ints[s + S_VISITS])
            if ints[c + PROVEN] != 0:
                seen = _turn_proof(ints[c + PROVEN], ints[c + TO_PLAY], ints[n + TO_PLAY])
                if ints[n + PROVEN] != 0 and seen == ints[n + PROVEN]:
                    weight = 1e9
                elif seen < 0:
                    weight = 0.0
            if weight > most:
                best, most = ints[s + S_CHILD], weight
        if best < 0:
            return length
        out[length] = ints[(tree + best) * stride + ACTION]
        length += 1
        node = best
    return length

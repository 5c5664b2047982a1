"""The search tree's machine code: PUCT over many trees at once, with proofs. It knows nothing of any game.

One tree is N node records in flat memory, seen as i4 (`ints`) and as f4 (`floats`); B trees lie one after another.
A record is a 48-byte header and then slots of 16 bytes, one for each *opened* child. Children are opened lazily, in
prior order: among actions never tried the one with the highest prior has the highest PUCT score, so a descent looks
at the opened slots and one number. It touches one or two cache lines a level.
Priors of unopened actions are in `priors` f4[B*N, A] (-1: illegal or opened); `prior_bits` i4[B*N, A] is the same memory.
A child has a larger index than its parent.

`rows` [n] are indices of trees, no index twice.

Values are in [-1, 1] for the side to move *at that node*; `_turn` is the only place where a sign is flipped.
Proofs (PROVEN) are integers from the same point of view: 0 unknown, DRAWN, WON - d (a win in d plies), d - WON (a loss).
"""

# Numba itself fills in the first argument of an intrinsic.
# mypy: disable-error-code="call-arg"

import math

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

# Header fields, in 4-byte words. The last three hold floats. UNPROVEN counts legal actions without a proof: it is 0
# until the node has been evaluated, so for ever where the game is over.
VISITS, OPENED, UNPROVEN, PARENT, SLOT, ACTION, TO_PLAY, PROVEN, NEXT_ACTION = range(9)
NEXT_PRIOR, VALUE_SUM, OPENED_PRIOR = range(9, 12)
HEADER = 12
# Slot fields. S_VALUE_SUM is for the side to move at the parent; S_PRIOR < 0 closes a slot (a proven loss).
S_PRIOR, S_VISITS, S_VALUE_SUM, S_CHILD = range(4)
SLOT_WORDS = 4

WON, DRAWN = 16384, 1
ONGOING = -1
LAST_RESTART = 64  # levels of a wave after which a tree that met a proven node gives its place away
_OPENED = np.float32(-1.0).view(np.int32)
_LISTED = -2  # as NEXT_ACTION, which is of no use once a node is proven: `proven_nodes` has named it


@intrinsic
def _prefetch(typing_context, array, index):
    """Asks for the cache line of array[index] ahead of its use; `array` is 1-d."""

    def lower(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        line = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [line.type, number, number, number])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [line.type], kind)
        builder.call(prefetch, [line, number(0), number(3), number(1)])  # to read, into every level, data
        return context.get_dummy_value()

    return types.void(array, index), lower


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


@njit(nogil=True, cache=True)
def _next_unopened(ints, prior_bits, n, row):
    """Finds the unopened action with the highest prior (the lowest action among equals; -1: none is left).

    As integers, because the compiler vectorises their maximum: the bits of numbers >= 0 sort as the numbers do.
    """
    actions = prior_bits.shape[1]
    best = np.int32(-1)
    for a in range(actions):
        best = max(best, prior_bits[row, a])
    action = actions
    for a in range(actions):  # a loop of its own, for the same reason
        action = min(action, a if prior_bits[row, a] == best else actions)
    ints[n + NEXT_ACTION] = action if best >= 0 else -1
    ints[n + NEXT_PRIOR] = best


@njit(nogil=True, cache=True)
def _best_child(ints, floats, n, explore, fpu):
    """PUCT (Silver et al. 2018, suppl. "Search"): the slot of the best child, or -1 for the next unopened one.

    `explore[v]` is c(v) * sqrt(v). An action never tried counts as its parent's mean value less
    fpu * sqrt(prior mass tried) (first-play urgency as in KataGo, arXiv 1902.10565, appendix A).
    """
    visits = ints[n + VISITS]
    last = len(explore) - 1
    weight = explore[min(visits, last)]
    if visits > last:
        weight *= np.float32(math.sqrt(visits / last))
    best, score = -1, np.float32(-np.inf)
    for k in range(ints[n + OPENED]):
        s = n + HEADER + SLOT_WORDS * k
        prior = floats[s + S_PRIOR]
        if prior >= 0:
            count = np.float32(ints[s + S_VISITS])
            puct = floats[s + S_VALUE_SUM] / count + weight * prior / (np.float32(1.0) + count)
            if puct > score:
                best, score = k, puct
    if ints[n + NEXT_ACTION] >= 0:
        mean = floats[n + VALUE_SUM] / np.float32(visits)
        untried = mean - fpu * np.float32(math.sqrt(max(floats[n + OPENED_PRIOR], np.float32(0.0))))
        # An opened child wins a tie: its action came earlier in prior order.
        if untried + weight * floats[n + NEXT_PRIOR] > score:
            best = -1
    return best


@njit(nogil=True, cache=True)
def _open(ints, floats, prior_bits, counts, b, tree, stride, node):
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
    prior_bits[tree + node, action] = _OPENED
    _next_unopened(ints, prior_bits, n, tree + node)
    _blank(ints, (tree + child) * stride, node, k, action)
    return child


@njit(nogil=True, cache=True)
def _blank(ints, n, parent, slot, action):
    for field in range(HEADER):
        ints[n + field] = 0
    ints[n + PARENT], ints[n + SLOT], ints[n + ACTION] = parent, slot, action


@njit(nogil=True, cache=True)
def reset(ints, states, counts, stride, capacity, rows, roots, to_play_at, outcome_at):
    """Tree rows[i] becomes a lone root with state bytes roots[i]; a finished game's root is proven at once.

    `to_play_at`, `outcome_at`: which bytes of a state they are (read so, not as fields: one compiled signature less).
    """
    for i in range(len(rows)):
        b = rows[i]
        tree = b * capacity
        _blank(ints, tree * stride, -1, -1, -1)
        _arrive(ints, tree * stride, roots[i, to_play_at], roots[i, outcome_at])
        states[tree, :] = roots[i]
        counts[b] = 1


@njit(nogil=True, cache=True)
def _arrive(ints, n, to_play, outcome):
    """A node learns what the rules say of its state; True if the game is over there."""
    ints[n + TO_PLAY] = to_play
    if np.int8(outcome) == ONGOING:
        return False
    ints[n + PROVEN] = DRAWN if outcome == 2 else (WON if outcome == to_play else -WON)
    return True


@njit(nogil=True, cache=True)
def searching(ints, counts, stride, capacity, rows, budget, busy, out):
    """out ?[len(rows)]: True while a tree wants simulations (below its budget, not proven, not full) or is `busy`: it
    may be full with the leaf that it waits for."""
    for i in range(len(rows)):
        b = rows[i]
        n = b * capacity * stride
        open_yet = counts[b] < capacity or ints[n + VISITS] == 0
        out[i] = busy[b] or (ints[n + VISITS] < budget[b] and ints[n + PROVEN] == 0 and open_yet)


@njit(nogil=True, cache=True)
def select(
    ints, floats, prior_bits, states, counts, stride, capacity, rows, budget, explore, fpu, root_fpu,
    offset, leaf_row, leaf_node, leaf_action, leaf_state, cursor,
):  # fmt: skip
    """One descent for each of `rows` with an evaluated root, to a new node; writes the leaves from `offset` on.

    `leaf_state` u1[*, bytes] gets the *parent's* state, for the rules to step. A descent that ends on a proven
    node is backed up here and tried again; one that ends on a leaf still without its evaluation (see `hold`) gives up.
    Returns the number of leaves written.

    A descent is one cache miss after another, so all trees go down together, a level a turn, and ask for their next
    records early. `cursor` i4[2, B] is scratch: the trees still on their way and the node each has come to.
    """
    active = 0
    for i in range(len(rows)):
        if ints[rows[i] * capacity * stride + VISITS] > 0:
            cursor[0, active], cursor[1, active] = rows[i], 0
            active += 1
    found = offset
    turn = 0
    while active > 0:
        turn += 1
        still = 0
        for i in range(active):
            b, node = cursor[0, i], cursor[1, i]
            tree = b * capacity
            n = (tree + node) * stride
            if node == 0 and (ints[n + PROVEN] != 0 or ints[n + VISITS] >= budget[b] or counts[b] >= capacity):
                continue
            if ints[n + PROVEN] != 0:
                _backup(ints, floats, tree, stride, node, _proven_value(ints[n + PROVEN]), False)
                if turn > LAST_RESTART:
                    continue
                node = 0
            elif ints[n + VISITS] == 0:
                continue
            else:
                k = _best_child(ints, floats, n, explore, root_fpu if node == 0 else fpu)
                if k < 0:
                    leaf_row[found], leaf_node[found] = b, node
                    _prefetch_all(prior_bits[tree + node])
                    _prefetch_all(states[tree + node])
                    found += 1
                    continue
                node = ints[n + HEADER + SLOT_WORDS * k + S_CHILD]
                _prefetch(ints, (tree + node) * stride)
                _prefetch(ints, (tree + node) * stride + 16)  # together the header and the first five slots
            cursor[0, still], cursor[1, still] = b, node
            still += 1
        active = still
    for i in range(offset, found):
        b, node = leaf_row[i], leaf_node[i]
        tree = b * capacity
        leaf_state[i, :] = states[tree + node]
        leaf_node[i] = _open(ints, floats, prior_bits, counts, b, tree, stride, node)
        leaf_action[i] = ints[(tree + leaf_node[i]) * stride + ACTION]
    return found - offset


@njit(nogil=True, cache=True)
def select_several(
    ints, floats, prior_bits, states, counts, stride, capacity, rows, budget, explore, fpu, root_fpu,
    leaves, leaf_row, leaf_node, leaf_action, leaf_state, cursor,
):  # fmt: skip
    """Up to `leaves` descents of the one tree in `rows`, one after another; each leaf is held (see `hold`)."""
    end = 0
    while end < leaves:
        found = select(ints, floats, prior_bits, states, counts, stride, capacity, rows, budget, explore, fpu, root_fpu,
                       end, leaf_row, leaf_node, leaf_action, leaf_state, cursor)  # fmt: skip
        if found == 0:
            break
        hold(ints, floats, stride, capacity, end, end + found, leaf_row, leaf_node, 1)
        end += found
    return end


@njit(nogil=True, cache=True)
def _prefetch_all(array):
    for i in range(0, len(array), 64 // array.itemsize):
        _prefetch(array, i)


@njit(nogil=True, cache=True)
def settle(
    ints, floats, states, stride, capacity, offset, end, leaf_row, leaf_node, leaf_state, to_play_at, outcome_at, again
):  # fmt: skip
    """Leaves [offset, end) have been stepped: finished games are backed up, the others kept, moved together.

    The trees that met the end of a game are listed in `again`. Returns (end of the kept leaves, trees in `again`).
    """
    kept = offset
    finished = 0
    for i in range(offset, end):
        b, node = leaf_row[i], leaf_node[i]
        tree = b * capacity
        n = (tree + node) * stride
        states[tree + node, :] = leaf_state[i]
        if _arrive(ints, n, leaf_state[i, to_play_at], leaf_state[i, outcome_at]):
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
def hold(ints, floats, stride, capacity, offset, end, leaf_row, leaf_node, sign):
    """Virtual losses (Segal 2010): leaves [offset, end) count as visited and lost, from the slot of each up to its root,
    until their evaluations come, so that the next descents of the same trees go elsewhere. `sign`: 1 adds, -1 removes."""
    for i in range(offset, end):
        tree = leaf_row[i] * capacity
        node = leaf_node[i]
        while True:
            n = (tree + node) * stride
            parent = ints[n + PARENT]
            if parent < 0:
                break
            p = (tree + parent) * stride
            s = p + HEADER + SLOT_WORDS * ints[n + SLOT]
            ints[p + VISITS] += sign
            ints[s + S_VISITS] += sign
            floats[s + S_VALUE_SUM] -= np.float32(sign)
            node = parent


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


@njit(nogil=True, cache=True)
def expand(ints, floats, prior_bits, stride, capacity, count, leaf_row, leaf_node, values, legal):
    """Leaves whose priors are written become nodes to descend from, and every tree gets its visit."""
    for i in range(count):
        b, node = leaf_row[i], leaf_node[i]
        tree = b * capacity
        n = (tree + node) * stride
        ints[n + UNPROVEN] = legal[i]
        _next_unopened(ints, prior_bits, n, tree + node)
        value = min(max(values[i], np.float32(-1.0)), np.float32(1.0))
        _backup(ints, floats, tree, stride, node, value, False)


@njit(nogil=True, cache=True)
def mix_noise(ints, floats, priors, prior_bits, stride, capacity, rows, noise, share):
    """prior <- (1 - share[b]) prior + share[b] * noise[b], over the actions of evaluated roots not proven lost."""
    for i in range(len(rows)):
        b = rows[i]
        tree = b * capacity
        n = tree * stride
        if share[b] <= 0 or ints[n + UNPROVEN] == 0:
            continue
        total = np.float32(0.0)
        for a in range(priors.shape[1]):
            if priors[tree, a] >= 0:
                total += noise[b, a]
        for k in range(ints[n + OPENED]):
            s = n + HEADER + SLOT_WORDS * k
            if floats[s + S_PRIOR] >= 0:
                total += noise[b, ints[(tree + ints[s + S_CHILD]) * stride + ACTION]]
        if total <= 0:
            continue
        keep = np.float32(1.0) - share[b]
        for a in range(priors.shape[1]):
            if priors[tree, a] >= 0:
                priors[tree, a] = keep * priors[tree, a] + share[b] * noise[b, a] / total
        opened = np.float32(0.0)
        for k in range(ints[n + OPENED]):
            s = n + HEADER + SLOT_WORDS * k
            if floats[s + S_PRIOR] >= 0:
                action = ints[(tree + ints[s + S_CHILD]) * stride + ACTION]
                floats[s + S_PRIOR] = keep * floats[s + S_PRIOR] + share[b] * noise[b, action] / total
                opened += floats[s + S_PRIOR]
        floats[n + OPENED_PRIOR] = opened
        _next_unopened(ints, prior_bits, n, tree)


@njit(nogil=True, cache=True)
def advance(ints, priors, states, counts, stride, capacity, rows, actions, moved, place):
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


@njit(nogil=True, cache=True)
def proven_nodes(ints, counts, stride, capacity, rows, tree_out, node_out):
    """Lists (tree, node) of the proven nodes below the roots of `rows` where the game is not over, each node once for as
    long as its tree keeps it; their number."""
    found = 0
    for i in range(len(rows)):
        b = rows[i]
        for node in range(1, counts[b]):
            n = (b * capacity + node) * stride
            if ints[n + PROVEN] != 0 and ints[n + OPENED] > 0 and ints[n + NEXT_ACTION] != _LISTED:
                ints[n + NEXT_ACTION] = _LISTED
                tree_out[found], node_out[found] = b, node
                found += 1
    return found


@njit(nogil=True, cache=True)
def statistics(ints, floats, priors, stride, capacity, rows, nodes, visits, q, prior, proof, child):
    """What the actions of node nodes[i] in tree rows[i] have come to, [len(rows), A] each, values and proofs for its
    side to move: visits i4; mean value q f4 (nan: never tried); prior f4 (a proven loss: 0); proof i4, counted from
    the node; child i4, a node (0: none)."""
    for i in range(len(rows)):
        tree = rows[i] * capacity
        n = (tree + nodes[i]) * stride
        visits[i, :], q[i, :], proof[i, :], child[i, :] = 0, np.nan, 0, 0
        for a in range(priors.shape[1]):
            prior[i, a] = max(priors[tree + nodes[i], a], np.float32(0.0)) if ints[n + UNPROVEN] > 0 else 0.0
        for k in range(ints[n + OPENED]):
            s = n + HEADER + SLOT_WORDS * k
            c = (tree + ints[s + S_CHILD]) * stride
            action = ints[c + ACTION]
            child[i, action] = ints[s + S_CHILD]
            visits[i, action] = ints[s + S_VISITS]
            q[i, action] = floats[s + S_VALUE_SUM] / np.float32(max(ints[s + S_VISITS], 1))
            prior[i, action] = max(floats[s + S_PRIOR], np.float32(0.0))
            if ints[c + PROVEN] != 0:
                proof[i, action] = _turn_proof(ints[c + PROVEN], ints[c + TO_PLAY], ints[n + TO_PLAY])

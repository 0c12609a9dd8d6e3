"""Cuts of a network: the answers of its modules that everything behind them goes through.

What torch notes down for gradients tells them: a whole block's answer is one, what lies inside a block with a short cut
around it is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node, get_gradient_edge

from fovea.engine.networks.folding import first_tensor, fold, hooked, tensor_in

_PICTURES = 2


@dataclass(frozen=True, slots=True)
class Call:
    """A module's one answer, if that is a map: when it began and ended, and what made it for torch's gradients."""

    name: str
    kind: type[nn.Module]
    parts: bool
    start: int
    end: int
    node: Node | None
    channels: int
    places: int


@dataclass(frozen=True, slots=True)
class Cut:
    """An answer that everything behind it goes through, the modules that answer it, and what is new since the last."""

    calls: tuple[Call, ...]
    names: tuple[str, ...]
    numbers: int

    @property
    def time(self) -> int:
        """When it was answered first."""
        return self.calls[0].end

    @property
    def places(self) -> int:
        """Height times width of the map."""
        return self.calls[0].places

    @property
    def outermost(self) -> Call:
        """The answer of the module that holds the others."""
        return min(self.calls, key=lambda call: call.name.count("."))


@torch.enable_grad()
def observe(network: nn.Module, size: int) -> tuple[list[Call], list[Cut]]:
    """Run two pictures through: what each module answered, and the cuts among the answers, in order."""
    clock, began, calls = count(), dict[nn.Module, int](), list[Call]()
    names = {module: name for name, module in network.named_modules()}
    times = Counter[str]()

    def begin(module: nn.Module, _: Any) -> None:
        began[module] = next(clock)

    def end(module: nn.Module, _: Any, answer: Any) -> None:
        name, tensor, folded = names[module], tensor_in(answer), fold(answer)
        times[name] += 1
        is_map = tensor is not None and folded is not None and len(folded) == _PICTURES
        node = tensor.grad_fn if tensor is not None and is_map else None
        channels, places = (folded.shape[1], folded.shape[2] * folded.shape[3]) if folded is not None else (0, 0)
        parts = any(True for _ in module.children())
        calls.append(Call(name, type(module), parts, began[module], next(clock), node, channels, places))

    handles = [module.register_forward_pre_hook(begin) for module in names if module is not network]
    planes = torch.zeros(_PICTURES, 3, size, size, device=next(network.parameters()).device, requires_grad=True)
    try:
        with hooked(network, names, end):
            answer = first_tensor(network(planes))
    finally:
        for handle in handles:
            handle.remove()
    once = [call for call in calls if times[call.name] == 1]  # what is used twice would be read at its last use
    return once, _cuts(once, answer, planes, dict(network.named_parameters()))


def _cuts(calls: Sequence[Call], answer: Tensor, planes: Tensor, parameters: Mapping[str, Tensor]) -> list[Cut]:
    owners: dict[Node, list[Call]] = {}
    for call in calls:
        if call.node is not None:
            owners.setdefault(call.node, []).append(call)
    names = {parameter: name for name, parameter in parameters.items()}
    seen: set[Node] = set()
    cuts = []
    for node in _passages(get_gradient_edge(answer).node, get_gradient_edge(planes).node):
        if node not in owners:
            continue
        leaves = [one.variable for one in _behind(node, seen) if hasattr(one, "variable")]
        fresh = [leaf for leaf in leaves if leaf in names]
        cuts.append(Cut(tuple(owners[node]), tuple(names[leaf] for leaf in fresh), sum(leaf.numel() for leaf in fresh)))
    return cuts


def _passages(top: Node, bottom: Node) -> Iterator[Node]:
    """The nodes that every way from ``bottom`` to ``top`` leads through, in that order.

    Taken in an order in which each node follows all it depends on, one is such a passage when nothing before it is
    still waited for by another.
    """
    leading = {bottom}
    order = []
    for node in _behind(top, set()):
        if any(before in leading for before, _ in node.next_functions):
            leading.add(node)
            order.append(node)
    users = Counter(before for node in order for before, _ in node.next_functions if before in leading)
    waiting = users[bottom]
    for node in order:
        waiting -= sum(before in leading for before, _ in node.next_functions)
        if not waiting:
            yield node
        waiting += users[node]


def _behind(node: Node, seen: set[Node]) -> list[Node]:
    """A node and all it depends on but ``seen``, each after what it depends on itself; they are seen then."""
    order: list[Node] = []
    stack = [(node, False)]
    while stack:
        one, is_done = stack.pop()
        if is_done:
            order.append(one)
        elif one not in seen:
            seen.add(one)
            stack.append((one, True))
            stack.extend((before, False) for before, _ in one.next_functions if before is not None)
    return order

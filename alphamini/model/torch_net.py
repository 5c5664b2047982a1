"""The same engine on torch: for CUDA, and for CPUs where OpenVINO does not import."""

from __future__ import annotations

import torch
from torch import nn

from alphamini.model.checkpoint import Weights
from alphamini.model.config import NetConfig
from alphamini.model.fold import Array, fold
from alphamini.model.net import ConvNorm, Net
from alphamini.model.threads import cores, keep_freed_memory


def precisions(device: str) -> tuple[str, ...]:
    """What `device` ("cpu" or "cuda") computes natively, the fastest first."""
    if device == "cuda":
        native = torch.cuda.get_device_capability() >= (8, 0)
    else:
        native = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    return ("bf16", "fp32") if native else ("fp32",)


def folded(config: NetConfig, weights: Weights) -> Net:
    """The net in evaluation, every normalisation folded into its convolution."""
    net = Net(config)
    state = dict(weights)
    for name, module in net.named_modules():
        if isinstance(module, ConvNorm):
            state = {key: w for key, w in state.items() if not key.startswith(f"{name}.")}
            state[f"{name}.0.weight"], state[f"{name}.0.bias"] = fold(weights, name)
            module[0].bias = nn.Parameter(torch.empty(len(state[f"{name}.0.bias"])))
            module[1] = nn.Identity()
    net.load_state_dict({key: torch.from_numpy(w) for key, w in state.items()})
    return net.eval().requires_grad_(False)


class TorchEngine:
    """One set of weights at one precision on one device."""

    def __init__(self, config: NetConfig, weights: Weights, precision: str, device: str, workers: int):
        keep_freed_memory()
        self.name = f"torch {precision}" + (" cuda" if device == "cuda" else "")
        self._device = torch.device(device)
        if device == "cuda":
            torch.backends.cudnn.allow_tf32 = False  # torch's own choice: 10 bits, which fp32 is not
        self._dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        self._threads = max(1, cores() // workers)
        net = folded(config, weights).to(self._device)
        for part in (net.stem, net.blocks, net.policy_local, net.policy_global, net.value_local):
            part.to(self._dtype)
        self._net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def session(self, small: int = 0) -> TorchEngine:
        """The engine itself, as all batches are alike to it. Called in the thread that is going to infer."""
        if self._device.type == "cpu":
            torch.set_num_threads(self._threads)
        return self

    @torch.inference_mode()
    def infer(self, planes: Array) -> tuple[Array, Array]:
        """planes f4[B, C, H, W] -> logits f4[B, A], value f4[B]."""
        x = torch.from_numpy(planes).to(self._device, self._dtype, memory_format=torch.channels_last)
        logits, outcome = self._net(x)
        chances = outcome.float().softmax(1)  # win, draw, loss
        return logits.float().cpu().numpy(), (chances[:, 0] - chances[:, 2]).cpu().numpy()

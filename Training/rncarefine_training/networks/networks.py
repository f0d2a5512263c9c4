"""Base networks: MONAI's, in the sizes that make the failures we learn to repair."""

from __future__ import annotations

from monai.networks.nets import AttentionUnet, BasicUNet, SegResNet, UNet
from torch import nn

from ..config import BaseNetwork

STRIDE = 16
"""Image sides are padded to a multiple of this, enough for every architecture here."""


def build_network(description: BaseNetwork, classes: int) -> nn.Module:
    """Build one base network: one channel in, logits of the classes out, background first."""
    channels = description.channels
    strides = [2] * (len(channels) - 1)
    if description.architecture == "unet":
        return UNet(2, 1, classes, channels, strides, num_res_units=len(channels) - 2, norm="batch")
    if description.architecture == "attentionunet":
        return AttentionUnet(2, 1, classes, channels, strides)
    if description.architecture == "segresnet":
        return SegResNet(2, channels[0], 1, classes, blocks_down=(1, 2, 2, 2), blocks_up=(1, 1, 1))
    features = (channels[0], *channels[:4], channels[0]) if len(channels) == 4 else tuple(channels)
    return BasicUNet(2, 1, classes, features)

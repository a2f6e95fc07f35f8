"""Operations on batches of images (B, 1, H, W) that treat each image with parameters of its own."""

import torch
import torch.nn.functional as F

from digits.data.random_batch import RandomBatch

Images = torch.Tensor  # (B, 1, H, W) float32 in [0, 1], white strokes on black
MIN_PEAK = 0.05  # of the intensity: an image without a brighter pixel is empty, and stays dark when it is normalized
BLUR_RADIUS = 6  # pixels: three times the largest sigma that is used; a Gaussian has 0.3 % of its weight beyond


def column(values: torch.Tensor) -> torch.Tensor:
    """Reshape values (B,) for broadcasting over images: (B, 1, 1, 1)."""
    return values[:, None, None, None]


def normalize_peak(images: Images) -> Images:
    """Scale the intensity of each image so that its brightest pixel is 1, unless it is below MIN_PEAK."""
    return (images / images.amax((1, 2, 3), keepdim=True).clamp(min=MIN_PEAK)).clamp(0, 1)


def gaussian_blur(images: Images, sigma: torch.Tensor) -> Images:
    """Blur each image with its own `sigma` (B,), in pixels; a smaller one than 0.2 counts as 0.2."""
    offsets = torch.arange(-BLUR_RADIUS, BLUR_RADIUS + 1, device=images.device)
    kernels = (-0.5 * (offsets / sigma.clamp(min=0.2)[:, None]).square()).exp()
    kernels = kernels / kernels.sum(1, keepdim=True)  # (B, 2 * BLUR_RADIUS + 1)
    rows = images.transpose(0, 1)  # (1, B, H, W)
    rows = F.conv2d(rows, kernels[:, None, None, :], padding=(0, BLUR_RADIUS), groups=len(images))
    rows = F.conv2d(rows, kernels[:, None, :, None], padding=(BLUR_RADIUS, 0), groups=len(images))
    return rows.transpose(0, 1)


def smooth_noise(like: Images, cell: float, rng: RandomBatch) -> Images:
    """Draw noise of about unit variance, smooth over about `cell` pixels, in the shape of `like`."""
    height, width = like.shape[-2:]
    coarse = rng.normal(1.0, 1, max(2, round(height / cell)), max(2, round(width / cell)))
    return F.interpolate(coarse, (height, width), mode="bilinear", align_corners=False)

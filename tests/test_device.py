"""`digits.device`: what there is, or a sentence about what there is not."""

import pytest
import torch

from digits import UserError, device


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_auto_takes_cuda_then_mps_then_cpu(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert device.select("auto").type == expected


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_named_with_the_way_out(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(UserError, match=f"sees no {name.upper()} device.*--device auto"):
        device.select(name)


@pytest.mark.parametrize(
    ("amx", "wanted", "expected"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_16_bit_numbers_are_multiplied_where_that_is_wanted_and_fast(monkeypatch, amx, wanted, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": amx}, raising=False)
    with device.autocast(torch.device("cpu"), wanted):
        assert torch.is_autocast_enabled("cpu") == expected


def test_older_versions_of_torch_do_not_know_whether_it_is_fast(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    with device.autocast(torch.device("cpu")):
        assert not torch.is_autocast_enabled("cpu")


def test_the_cpu_is_described_with_its_threads():
    assert f"{torch.get_num_threads()} threads" in device.describe(torch.device("cpu"))

"""Winograd's convolutions against float64, and where they serve."""

import copy
import ctypes
import pickle

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from kernels_here import serving
from torch import nn

from residuum.errors import InputError
from residuum.kernels import fuse, use_winograd, without_winograd
from residuum.kernels import winograd as room
from residuum.kernels.winograd import by_winograd, winograd_conv


@pytest.fixture(autouse=True, scope="module")
def kernel_here():
    """Wherever the kernel runs it is tested, and in plain C where it does not; whether it pays is another question."""
    with serving(room, "winograd", "winograd_pays"):
        yield


natively = pytest.mark.skipif(not room.winograd_runs(), reason="this much takes minutes in plain C")

# Of a result's norm. One picture smaller than a tile can be 0.025 off; a wrong transform leaves 0.1 and more.
LARGEST_ERROR, USUAL_ERROR = 0.05, 0.012


def pictures(*shape: int) -> torch.Tensor:
    return torch.randn(shape).relu().bfloat16().contiguous(memory_format=torch.channels_last)


def error(found: torch.Tensor, expected: torch.Tensor) -> float:
    return ((found.double() - expected).norm() / expected.norm()).item()


@settings(max_examples=60, deadline=None)
@given(
    images=st.integers(1, 40),
    in_channels=st.sampled_from([16, 24, 33, 80]),
    out_channels=st.sampled_from([16, 20, 48]),
    height=st.integers(1, 13),
    width=st.integers(1, 13),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
    seed=st.integers(0, 1000),
)
def test_it_is_the_convolution_and_its_gradients(images, in_channels, out_channels, height, width, dtype, seed):
    torch.manual_seed(seed)
    x = pictures(images, in_channels, height, width).requires_grad_()
    filters = nn.Parameter((torch.randn(out_channels, in_channels, 3, 3) / 10).to(dtype))
    assert max(errors(x, filters)) < LARGEST_ERROR
    assert (x.grad.dtype, filters.grad.dtype) == (torch.bfloat16, dtype)


@settings(max_examples=40, deadline=None)
@given(
    images=st.integers(1, 20),
    in_channels=st.sampled_from([16, 24]),
    out_channels=st.sampled_from([16, 20, 48]),
    height=st.integers(2, 13),
    width=st.integers(2, 13),
    seed=st.integers(0, 1000),
)
def test_pooled_it_is_the_same_and_pooling_behind_it(images, in_channels, out_channels, height, width, seed):
    torch.manual_seed(seed)
    x = pictures(images, in_channels, height, width).requires_grad_()
    filters = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))
    y, whole = winograd_conv(x, filters, pooled=True), winograd_conv(x, filters)
    assert torch.equal(y, F.max_pool2d(whole, 2))
    which = room._convolve(x, None, filters, x.shape[2:], pooled=True)[1].long()  # of pixels that round alike, either
    down, across = 2 * torch.arange(height // 2)[:, None] + which // 2, 2 * torch.arange(width // 2) + which % 2
    places = (down * width + across).flatten(2)
    assert torch.equal(whole.flatten(2).gather(2, places), y.flatten(2))
    gradient = torch.randn_like(y)
    spread = torch.zeros_like(whole).flatten(2).scatter(2, places, gradient.flatten(2)).view(whole.shape)
    found = torch.autograd.grad(y, (x, filters), gradient)
    expected = torch.autograd.grad(whole, (x, filters), spread)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_the_usual_error_is_small():
    """0.009 forward and to the filters and 0.011 to x, where rounding the result alone leaves 0.002."""
    torch.manual_seed(0)
    x, filters = pictures(64, 64, 15, 15).requires_grad_(), nn.Parameter(torch.randn(64, 64, 3, 3) / 24)
    assert max(errors(x, filters)) < USUAL_ERROR


def errors(x: torch.Tensor, filters: torch.Tensor) -> list[float]:
    """Return the errors of the result and of both gradients, which stay in x and filters."""
    y = winograd_conv(x, filters)
    gradient = torch.randn_like(y)
    y.backward(gradient)
    exact, exact_filters = x.detach().double().requires_grad_(), filters.detach().double().requires_grad_()
    expected = F.conv2d(exact, exact_filters, padding=1)
    expected.backward(gradient.double())
    assert y.dtype == torch.bfloat16
    assert y.is_contiguous(memory_format=torch.channels_last)
    pairs = (y.detach(), expected.detach()), (x.grad, exact.grad), (filters.grad, exact_filters.grad)
    return [error(*pair) for pair in pairs]


def test_what_is_not_finite_spoils_its_own_tile_only():
    x = pictures(2, 16, 12, 12)
    filters = torch.randn(16, 16, 3, 3)
    before = winograd_conv(x, filters)
    for value in (torch.nan, torch.inf):
        x[1, 3, 5, 5] = value  # the middle tile of the second picture, and no other's border
        after = winograd_conv(x, filters)
        assert not after[1, :, 4:8, 4:8].isfinite().any()
        after[1, :, 4:8, 4:8] = before[1, :, 4:8, 4:8]
        x[1, 3, 5, 5] = 0
        assert after.isfinite().all()


def test_zeros_give_zeros_and_large_numbers_stay_finite():
    filters = torch.randn(16, 16, 3, 3)
    assert not winograd_conv(pictures(3, 16, 7, 7) * 0, filters).any()
    assert winograd_conv(pictures(3, 16, 7, 7) * 1e34, filters).isfinite().all()


@pytest.mark.parametrize(("images", "parts"), [(40, 1), (130, 4)])
def test_threads_do_not_change_the_bits(images, parts, monkeypatch):
    x, filters = pictures(images, 48, 15, 13).requires_grad_(), nn.Parameter(torch.randn(33, 48, 3, 3))
    gradient, found = pictures(images, 33, 15, 13), []
    assert parts_of(x, 33) == parts
    for threads in (1, 3):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        y = winograd_conv(x, filters)
        found.append((y, *torch.autograd.grad(y, (x, filters), gradient)))
    assert all(torch.equal(one, three) for one, three in zip(*found, strict=True))


def parts_of(x: torch.Tensor, out_channels: int) -> int:
    """Return in how many parts the gradient to the filters is summed."""
    n, in_channels, height, width = x.shape
    return room.kernel().winograd_parts(ctypes.byref(room.Shape(n, height, width, in_channels, out_channels, 1)))


@pytest.mark.parametrize(
    ("images", "channels", "side", "parts"),
    [
        (67, (24, 64), 16, 2),
        (700, (32, 32), 13, 16),
        (203, (40, 20), 9, 2),
        pytest.param(1024, (64, 256), 8, 4, marks=natively),
        pytest.param(70, (256, 256), 16, 1, marks=natively),
    ],
)
@pytest.mark.parametrize("pooled", [False, True])
def test_sums_in_parts_are_the_sums(images, channels, side, parts, pooled):
    """The parts differ in size where tiles do not go into them, and the last tile may be alone."""
    in_channels, out_channels = channels
    x, side_of_dy = pictures(images, in_channels, side, side), side // 2 if pooled else side
    dy = pictures(images, out_channels, side_of_dy, side_of_dy)
    which = torch.randint(0, 4, dy.shape, dtype=torch.uint8).contiguous(memory_format=torch.channels_last)
    assert parts_of(x, out_channels) == parts
    found = room._filter_gradient(x, dy, which if pooled else None)
    expected = torch.zeros_like(found, dtype=torch.float64)
    for some in range(0, images, 16):
        few = slice(some, some + 16)
        assert parts_of(x[few], out_channels) == 1
        expected += room._filter_gradient(x[few], dy[few], which[few] if pooled else None)
    assert error(found, expected) < 1e-5


def test_only_what_it_learns_is_computed(monkeypatch):
    computed = []
    for name in ("_convolve", "_filter_gradient"):
        compute = getattr(room, name)
        monkeypatch.setattr(
            room,
            name,
            lambda *given, name=name, compute=compute, **how: computed.append(name) or compute(*given, **how),
        )
    x, filters = pictures(4, 16, 8, 8).requires_grad_(), torch.randn(16, 16, 3, 3)
    winograd_conv(x, filters).sum().backward()
    assert computed == ["_convolve", "_convolve"]
    winograd_conv(x.detach(), filters.requires_grad_()).sum().backward()
    assert computed[2:] == ["_convolve", "_filter_gradient"]


def test_a_gradient_of_the_gradient_is_refused():
    """Also where the gradient from above is constant, and a penalty on it would be missing without a word."""
    x, filters = pictures(4, 16, 8, 8).requires_grad_(), torch.randn(16, 16, 3, 3)
    with pytest.raises(RuntimeError, match="no gradient of their gradient"):
        torch.autograd.grad(winograd_conv(x, filters).sum(), x, create_graph=True)


def test_without_pictures_the_gradient_is_zero():
    filters = nn.Parameter(torch.randn(16, 16, 3, 3))
    winograd_conv(pictures(0, 16, 8, 8), filters).sum().backward()
    assert not filters.grad.any()


def test_a_map_that_is_too_small_to_pool_is_refused():
    with pytest.raises(InputError, match=r"two each way, got maps of \(1, 8\)"):
        winograd_conv(pictures(2, 16, 1, 8), torch.randn(16, 16, 3, 3), pooled=True)


def test_no_memory_is_told(monkeypatch):
    class Full:
        def winograd_parts(self, shape):
            return 1

        def winograd_pack(self, *given):
            pass

        def winograd_filters(self, *given):
            return 1

        winograd_convolve = winograd_filters

    monkeypatch.setattr(room, "kernel", Full)
    with pytest.raises(MemoryError, match="no memory for the tiles of 16 channels"):
        winograd_conv(pictures(2, 16, 8, 8), torch.randn(16, 16, 3, 3))
    with pytest.raises(MemoryError, match="no memory for the tiles of 16 channels"):
        room._filter_gradient(pictures(2, 16, 8, 8), pictures(2, 16, 8, 8), None)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_another_default_type_changes_nothing(dtype):
    x, filters = pictures(4, 16, 8, 8), nn.Parameter(torch.randn(16, 16, 3, 3))
    (expected,) = torch.autograd.grad(winograd_conv(x, filters).sum(), filters)
    torch.set_default_dtype(dtype)
    try:
        (found,) = torch.autograd.grad(winograd_conv(x, filters).sum(), filters)
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(found, expected)


def test_it_follows_what_becomes_of_the_convolution():
    conv, x = use_winograd(conv3x3().bfloat16()), pictures(64, 64, 8, 8)
    with pytest.raises(RuntimeError, match="expected input"):
        conv(pictures(64, 32, 8, 8))
    conv.bias = nn.Parameter(torch.full((64,), 5.0, dtype=torch.bfloat16))
    assert torch.equal(conv(x), without_winograd(copy.deepcopy(conv))(x))
    conv.bias, conv.stride = None, (2, 2)
    assert conv(x).shape == (64, 64, 4, 4)


def test_a_model_saved_whole_and_a_compiled_one_work():
    net = use_winograd(fuse(nn.Sequential(conv3x3(), nn.MaxPool2d(2), nn.BatchNorm2d(64), nn.ReLU()).bfloat16()))
    x, again = pictures(64, 64, 8, 8), pickle.loads(pickle.dumps(net))
    assert all(module.forward.args[0] is module for module in again.modules() if "forward" in vars(module))
    assert torch.equal(again(x), net(x))
    torch.testing.assert_close(torch.compile(net, backend="eager", fullgraph=True)(x), net(x), atol=0.1, rtol=0.1)


def test_fusing_leaves_it_in_place():
    conv = fuse(nn.Sequential(use_winograd(conv3x3()), nn.BatchNorm2d(64), nn.ReLU()))[0]
    assert by_winograd(conv)


def test_it_serves_and_is_taken_away():
    conv = nn.Conv2d(64, 64, 3, padding=1, bias=False).bfloat16()
    x = pictures(64, 64, 8, 8)
    direct = conv(x)
    names = list(conv.state_dict())
    for served in (use_winograd(conv), copy.deepcopy(use_winograd(conv)), use_winograd(nn.Sequential(conv))):
        assert torch.equal(served(x), winograd_conv(x, conv.weight))
    assert list(conv.state_dict()) == names
    with torch.no_grad():
        assert torch.equal(conv(x), direct)
    assert torch.equal(without_winograd(conv)(x), direct)
    assert "forward" not in vars(conv)


def test_a_copy_learns_its_own_filters():
    conv = use_winograd(nn.Conv2d(64, 64, 3, padding=1, bias=False).bfloat16())
    twin = copy.deepcopy(conv)
    twin(pictures(64, 64, 8, 8)).sum().backward()
    assert twin.weight.grad is not None
    assert conv.weight.grad is None


def test_under_autocast_it_learns_float32_filters():
    conv = use_winograd(nn.Conv2d(64, 64, 3, padding=1, bias=False))
    x = pictures(64, 64, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        y = conv(x)
    assert torch.equal(y, winograd_conv(x, conv.weight))
    y.float().sum().backward()
    assert conv.weight.grad.dtype == torch.float32


def test_where_no_gradient_is_recorded_it_serves_only_when_asked_for():
    conv = nn.Conv2d(64, 64, 3, padding=1, bias=False).bfloat16()
    x = pictures(64, 64, 8, 8)
    with torch.no_grad():
        direct, by_tiles = conv(x), winograd_conv(x, conv.weight)
        assert not torch.equal(direct, by_tiles)
        assert torch.equal(use_winograd(conv)(x), direct)
        assert torch.equal(use_winograd(conv, evaluation=True)(x), by_tiles)
        assert torch.equal(use_winograd(conv)(x), direct), "the last word counts"
    assert torch.equal(conv(x), by_tiles)
    assert torch.equal(without_winograd(use_winograd(conv, evaluation=True))(x), direct)


def conv3x3(**changes) -> nn.Conv2d:
    return nn.Conv2d(
        **{"in_channels": 64, "out_channels": 64, "kernel_size": 3, "padding": 1, "bias": False, **changes}
    )


@pytest.mark.parametrize(
    "conv",
    [
        conv3x3(stride=2),
        conv3x3(padding=0),
        conv3x3(dilation=2, padding=2),
        conv3x3(groups=2),
        conv3x3(bias=True),
        conv3x3(kernel_size=1, padding=0),
        conv3x3(padding_mode="reflect"),
        conv3x3(in_channels=16),
    ],
    ids=["stride", "no border", "dilation", "groups", "bias", "1x1", "reflect", "few channels"],
)
def test_other_convolutions_are_left_alone(conv):
    assert "forward" not in vars(use_winograd(conv))


def test_elsewhere_it_is_torchs_own(monkeypatch):
    conv, x = use_winograd(conv3x3().bfloat16()), pictures(64, 64, 8, 8)
    twin = without_winograd(copy.deepcopy(conv))
    others = {
        "few tiles": pictures(15, 64, 8, 8),
        "mostly border": pictures(64, 64, 5, 5),
        "contiguous": x.contiguous(),
        "no batch": x[0],
    }
    for why, given_x in others.items():
        assert torch.equal(conv(given_x), twin(given_x)), why
    assert torch.equal(conv.float()(x.float()), twin.float()(x.float())), "float32"
    conv, twin = conv.bfloat16(), twin.bfloat16()
    assert torch.equal(
        torch.func.functional_call(conv, dict(conv.named_parameters()), x), winograd_conv(x, conv.weight)
    )
    assert torch.equal(torch.func.vmap(conv)(x[None])[0], twin(x)), "torch.func"
    exported = torch.export.export(conv, (x,)).module()
    assert torch.equal(exported(x), twin(x)), "torch.export"
    seen = []
    handle = conv.register_forward_hook(lambda module, given, result: seen.append(module))
    assert torch.equal(conv(x), twin(x)), "a hook"
    assert seen == [conv]
    handle.remove()
    assert torch.equal(conv(x), winograd_conv(x, conv.weight))
    monkeypatch.setattr(room, "winograd_pays", lambda: False)
    assert torch.equal(conv(x), twin(x)), "a processor without bf16"


def test_a_fused_network_pools_within_the_convolution(monkeypatch):
    net = use_winograd(fuse(nn.Sequential(conv3x3(), nn.MaxPool2d(2), nn.BatchNorm2d(64), nn.ReLU()).bfloat16()))
    x, pooled = pictures(64, 64, 8, 8), []
    compute = room._convolve
    monkeypatch.setattr(room, "_convolve", lambda *given: pooled.append(given[-1]) or compute(*given))
    y = net(x)
    handle = net[1].register_forward_hook(lambda module, given, result: None)
    watched = net(x)
    handle.remove()
    without_winograd(net)(x)
    assert pooled == [True, False]
    torch.testing.assert_close(y, watched)


def test_what_is_no_number_is_pooled_as_torch_does():
    x, filters = pictures(1, 16, 8, 8), torch.zeros(16, 16, 3, 3)
    filters[:, :, 1, 1] = torch.eye(16)
    x[0, 3, 1, 1] = torch.nan  # a tile of its own is spoilt, and each 2x2 pixels of it
    pooled = winograd_conv(x, filters, pooled=True)
    torch.testing.assert_close(pooled, F.max_pool2d(winograd_conv(x, filters), 2), equal_nan=True, rtol=0, atol=0)
    assert pooled[0, 3, :2, :2].isnan().all() and pooled[0, 3, 2:, 2:].isfinite().all()


@natively
def test_fifty_steps_end_where_direct_ones_do():
    losses = {}
    for fast in (False, True):
        torch.manual_seed(0)
        net = nn.Sequential(conv3x3(in_channels=16), nn.ReLU(), conv3x3(), nn.ReLU(), nn.Flatten(), nn.Linear(4096, 10))
        net.to(memory_format=torch.channels_last)
        net = use_winograd(net) if fast else net
        optimiser = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
        x, labels = torch.randn(256, 16, 8, 8).to(memory_format=torch.channels_last), torch.randint(0, 10, (256,))
        for _ in range(50):
            with torch.autocast("cpu", torch.bfloat16):
                loss = F.cross_entropy(net(x).float(), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.setdefault(fast, []).append(loss.item())
    direct, winograd = (torch.tensor(losses[fast]) for fast in (False, True))
    assert direct[-1] < 0.5 * direct[0]
    torch.testing.assert_close(winograd, direct, atol=0.05, rtol=0.05)
    assert not torch.equal(winograd, direct)

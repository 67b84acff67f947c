"""The network is causal, its compiled passes and its exported hop compute what it computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.numpy_helper import from_array, to_array

torch = pytest.importorskip("torch", reason="training needs torch (pip install rtstem[train])")
onnxruntime = pytest.importorskip("onnxruntime")

from rtstem.model_spec import read_model_spec  # noqa: E402
from tools.train import kernels  # noqa: E402
from tools.train.export import export  # noqa: E402
from tools.train.growth import blended, grown  # noqa: E402
from tools.train.loss import bin_weights, masked_errors, separation_loss, stem_errors  # noqa: E402
from tools.train.model import (  # noqa: E402
    ModelConfig,
    RMSNorm,
    Separator,
    apply_masks,
    mixture_consistent,
)
from tools.train.recover import named, recovered  # noqa: E402
from tools.train.scan import reference_recurrence  # noqa: E402
from tools.train.variants import (  # noqa: E402
    DeepFilter,
    DeepFilterStep,
    GatedUnits,
    GatedUnitsStep,
)

TINY = ModelConfig(features=8, layers=2, hidden=12)


def tiny_separator(seed: int = 0) -> Separator:
    torch.manual_seed(seed)
    return Separator(TINY).eval()


def spectra(frames: int, batch: int = 1) -> torch.Tensor:
    return torch.randn(frames, batch, 2, 1024, 2) * 0.1


def test_the_future_changes_nothing() -> None:
    model, mixture = tiny_separator(), spectra(12)
    changed = mixture.clone()
    changed[7:] *= -3.0
    with torch.no_grad():
        first, _ = model(mixture, model.initial_state(1))
        second, _ = model(changed, model.initial_state(1))
    assert torch.equal(first[:7], second[:7])
    assert not torch.allclose(first[7:], second[7:])


def test_hops_one_by_one_equal_the_whole_segment() -> None:
    model, mixture = tiny_separator(), spectra(10, batch=2)
    with torch.no_grad():
        whole, end = model(mixture, model.initial_state(2))
        state, hops = model.initial_state(2), []
        for frame in mixture:
            stems, state = model(frame[None], state)
            hops.append(stems)
    assert torch.allclose(torch.cat(hops), whole, atol=1e-6)
    assert torch.allclose(state, end, atol=1e-6)


def test_exported_hop_equals_the_network(tmp_path: Path) -> None:
    model, mixture = tiny_separator(), spectra(20)
    export(model, tmp_path / "tiny.onnx", "tiny", {})
    session = onnxruntime.InferenceSession(tmp_path / "tiny.onnx")
    with torch.no_grad():
        expected, _ = model(mixture, model.initial_state(1))
    state = model.initial_state(1).numpy()
    for frame, reference in zip(mixture.numpy(), expected.numpy(), strict=True):
        spectrum = np.pad(frame, ((0, 0), (0, 0), (0, 1), (0, 0)))
        stems, state = session.run(None, {"spectrum": spectrum, "state": state})
        np.testing.assert_allclose(stems[..., :1024, :], reference, atol=1e-4)
    silence, _ = session.run(None, {"spectrum": np.zeros_like(spectrum), "state": state * 0})
    assert not silence.any()
    assert read_model_spec(tmp_path / "tiny.onnx").stems == ("vocals", "drums", "bass", "other")


def test_exported_hop_with_look_ahead_equals_the_network(tmp_path: Path) -> None:
    torch.manual_seed(4)
    hops = 3
    model = Separator(ModelConfig(features=8, layers=2, hidden=12, lookahead=hops)).eval()
    torch.nn.init.normal_(model.future.output.weight)  # zero at first
    export(model, tmp_path / "ahead.onnx", "ahead", {})
    session = onnxruntime.InferenceSession(tmp_path / "ahead.onnx")
    mixture = torch.cat([torch.zeros(hops, 1, 2, 1024, 2), spectra(20)])  # silence comes before
    with torch.no_grad():
        expected, _ = model(mixture, model.initial_state(1))
    zeros = {v.name: np.zeros(v.shape, np.float32) for v in session.get_inputs()}
    states = {name: zeros[name] for name in ("state", "features", "spectra")}
    for frame, reference in zip(mixture[hops:].numpy(), expected.numpy(), strict=True):
        spectrum = np.pad(frame, ((0, 0), (0, 0), (0, 1), (0, 0)))
        stems, *following = session.run(None, {"spectrum": spectrum, **states})
        states = dict(zip(states, following, strict=True))
        np.testing.assert_allclose(stems[..., :1024, :], reference, atol=1e-4)
    assert not session.run(None, zeros)[0].any()
    assert read_model_spec(tmp_path / "ahead.onnx").lookahead_hops == hops


@pytest.mark.parametrize("size", [(8, 12), (16, 12), (24, 20)])
def test_a_model_grows_without_changing_what_it_computes(size: tuple[int, int]) -> None:
    parent, mixture = tiny_separator(), spectra(12)
    for weight in parent.parameters():  # no gain of one, no bias of zero
        weight.data += 0.1 * torch.randn_like(weight)
    features, hidden = size
    child = Separator(ModelConfig(features=features, layers=3, hidden=hidden, lookahead=2)).eval()
    child.load_state_dict(grown(parent, child))
    with torch.no_grad():
        expected, _ = parent(mixture, parent.initial_state(1))
        out, _ = child(mixture, child.initial_state(1))
    torch.testing.assert_close(out, expected[:10])


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_blend_lies_between_a_model_and_what_it_began_with(share: float) -> None:
    parent, mixture = tiny_separator(), spectra(5)
    child = Separator(ModelConfig(features=16, layers=3, hidden=12)).eval()
    own = {name: value.clone() for name, value in child.state_dict().items()}
    weights = blended(child, parent, share)
    for name, value in child.state_dict().items():
        assert torch.equal(value, own[name]), "the child was changed"
    middle = own["decoder.biases.0"] * share + parent.decoder.biases[0] * (1 - share)
    torch.testing.assert_close(weights["decoder.biases.0"], middle)
    if share != 0.5:
        same = child if share else parent
        expected, _ = same(mixture, same.initial_state(1))
        child.load_state_dict(weights)
        out, _ = child(mixture, child.initial_state(1))
        torch.testing.assert_close(out, expected)


def test_the_side_is_heard() -> None:
    """Of two mixtures alike but for the sign of one channel only the side's magnitude differs."""
    model, mixture = tiny_separator(), spectra(4)
    mixture[:, :, 1] = mixture[:, :, 0]
    for (count, width), weight in zip(TINY.groups, model.encoder.weights, strict=True):
        weight.data[:, : 6 * width].view(count, 2, width, 3, -1)[..., :2, :] = 0
    flipped = mixture * torch.tensor([1.0, -1.0])[:, None, None]
    with torch.no_grad():
        first, _ = model.masks(mixture, model.initial_state(1))
        second, _ = model.masks(flipped, model.initial_state(1))
        for (_, width), weight in zip(TINY.groups, model.encoder.weights, strict=True):
            weight.data[:, 6 * width :] = 0
        deaf, _ = model.masks(flipped, model.initial_state(1))
    assert not torch.allclose(first, second, atol=1e-3)
    torch.testing.assert_close(deaf, first)


@pytest.mark.parametrize("lookahead", [0, 2])
def test_an_exported_file_becomes_the_model_again(tmp_path: Path, lookahead: int) -> None:
    torch.manual_seed(4)
    model = Separator(ModelConfig(features=8, layers=2, hidden=12, hop=256, lookahead=lookahead))
    for weight in model.parameters():  # no gain of one, no bias of zero
        weight.data += 0.1 * torch.randn_like(weight)
    export(model, tmp_path / "model.onnx", "model", {})
    again, mixture = named(str(tmp_path / "model.onnx")), spectra(12, batch=2)
    assert again.config == model.config
    with torch.no_grad():
        expected, _ = model(mixture, model.initial_state(2))
        out, _ = again(mixture, again.initial_state(2))
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("parts", [2, 3])
def test_a_file_of_old_becomes_the_model_again(tmp_path: Path, parts: int) -> None:
    """Once there were no weights for the side, before that none for magnitudes."""
    model, mixture = tiny_separator(), spectra(6)
    for (count, width), weight in zip(TINY.groups, model.encoder.weights, strict=True):
        weight.data[:, 6 * width :] = 0
        weight.data[:, : 6 * width].view(count, 2, width, 3, -1)[..., parts:, :] = 0
    export(model, tmp_path / "model.onnx", "model", {})
    proto = onnx.load(tmp_path / "model.onnx")
    for tensor in proto.graph.initializer:
        if tensor.name.startswith("encoders."):
            whole = to_array(tensor)
            count, rows, features = whole.shape
            planar = whole[:, : rows // 7 * 6].reshape(count, 2, 3, -1, features)[:, :, :parts]
            tensor.CopyFrom(from_array(planar.reshape(count, -1, features), tensor.name))
    onnx.save(proto, tmp_path / "old.onnx")
    again = recovered(tmp_path / "old.onnx")
    with torch.no_grad():
        expected, _ = model(mixture, model.initial_state(1))
        out, _ = again(mixture, again.initial_state(1))
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=1e-4)


def test_a_shorter_hop_forgets_as_much_in_the_same_time() -> None:
    parent = tiny_separator()
    child = Separator(ModelConfig(features=8, layers=2, hidden=12, hop=256))
    bias = grown(parent, child)["time.0.inputs.bias"]
    kept = torch.sigmoid(parent.time[0].inputs.bias[:8])
    torch.testing.assert_close(torch.sigmoid(bias[:8])[-1] ** 2, kept[-1], atol=1e-4, rtol=0)
    assert torch.equal(bias[8:], parent.time[0].inputs.bias[8:])


@pytest.mark.parametrize("along", [0, 1])
def test_compiled_recurrence_equals_the_reference(along: int) -> None:
    if kernels.library() is None:
        pytest.skip("no g++ here: training falls back to the reference")
    torch.manual_seed(1)
    gates = torch.randn(19, 13, 3 * 16).bfloat16()
    initial = torch.randn((13, 19)[along], 16)
    exact, fused = gates.float().requires_grad_(), gates.clone().requires_grad_()
    expected, expected_last = reference_recurrence(exact, initial, along, 8 if along else 16)
    out, last = kernels.FusedRecurrence.apply(fused, initial, along, 8 if along else 16)
    gradient = torch.randn_like(expected).bfloat16()
    expected.backward(gradient.float())
    out.backward(gradient)
    torch.testing.assert_close(out.float(), expected, atol=0.03, rtol=0.01)
    torch.testing.assert_close(last, expected_last, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(fused.grad.float(), exact.grad, atol=0.05, rtol=0.02)


def test_compiled_norm_equals_the_reference() -> None:
    if kernels.library() is None:
        pytest.skip("no g++ here: training falls back to the reference")
    norm, x = RMSNorm(24), torch.randn(50, 24)
    norm.gain.data.uniform_(0.5, 1.5)
    exact, fused = x.clone().requires_grad_(), x.clone().requires_grad_()
    expected, out = norm(exact), kernels.FusedNorm.apply(fused, norm.gain)
    gradient = torch.randn_like(x).bfloat16()
    (by_reference,) = torch.autograd.grad(expected, norm.gain, gradient.float(), retain_graph=True)
    (by_kernel,) = torch.autograd.grad(out, norm.gain, gradient, retain_graph=True)
    expected.backward(gradient.float())
    out.backward(gradient)
    torch.testing.assert_close(out.float(), expected, atol=0.02, rtol=0.01)
    torch.testing.assert_close(fused.grad, exact.grad, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(by_kernel, by_reference, atol=1e-4, rtol=1e-4)


def test_mixture_consistency_adds_up() -> None:
    mixture, stems = spectra(3), torch.randn(3, 1, 4, 2, 1024, 2)
    assert torch.allclose(mixture_consistent(stems, mixture).sum(2), mixture, atol=1e-5)


def masks_and_target() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(2)
    return torch.randn(5, 2, 4, 2, 1024, 2), spectra(5, 2), torch.randn(5, 2, 4, 2, 1024, 2) * 0.1


def test_compiled_mask_errors_equal_the_reference() -> None:
    if kernels.library() is None:
        pytest.skip("no g++ here: training falls back to the reference")
    masks, mixture, target = masks_and_target()
    weights, scale = (
        bin_weights(mixture, torch.tensor([1024, 300]), torch.ones(2)),
        torch.rand(2, 4),
    )
    fused = masks.bfloat16().requires_grad_()
    exact = fused.detach().float().requires_grad_()
    expected = masked_errors(exact, mixture, target, weights)
    errors = kernels.FusedMaskErrors.apply(fused, mixture, target, weights)
    torch.testing.assert_close(errors, expected, rtol=1e-4, atol=1e-4)
    expected.backward(scale)
    errors.backward(scale)
    torch.testing.assert_close(fused.grad.float(), exact.grad, rtol=0.01, atol=1e-4)


def test_both_errors_of_a_partial_item_are_those_of_its_vocals() -> None:
    masks, mixture, target = masks_and_target()
    target = mixture_consistent(target, mixture)
    rest = mixture_consistent(apply_masks(masks, mixture), mixture)[:, :, 1:].sum(2, keepdim=True)
    weights = bin_weights(mixture, torch.tensor([1024, 300]), torch.tensor([0.0, 0.5]))
    of_the_rest = stem_errors(rest, target[:, :, 1:].sum(2, keepdim=True), weights)
    of_vocals = masked_errors(masks, mixture, target, weights)[:, :1]
    torch.testing.assert_close(of_the_rest, of_vocals, rtol=1e-4, atol=1e-4)


def test_loss_is_bounded_and_judges_partial_items_by_their_vocals() -> None:
    errors = torch.tensor([[0.0, 5.0, 5.0, 5.0], [0.0, 0.0, 0.0, 0.0]])
    known = separation_loss(errors, torch.ones(2), torch.tensor([False, False]))
    partial = separation_loss(errors, torch.ones(2), torch.tensor([True, False]))
    assert partial == pytest.approx(np.log(1e-3), abs=1e-3)
    assert known > partial + 1.0


@pytest.mark.parametrize("vocals", [0.25, 0.46])
def test_the_weight_of_the_vocals_is_out_of_one(vocals: float) -> None:
    errors = torch.tensor([[0.5, 0.1, 0.1, 0.1], [0.5, 0.1, 0.2, 0.4]])
    loss = separation_loss(errors, torch.ones(2), torch.tensor([False, False]), vocals, floor=0.0)
    others = torch.tensor([0.1, 0.1, 0.1, 0.1, 0.2, 0.4]).log().mean()
    assert float(loss) == pytest.approx(float(vocals * np.log(0.5) + (1 - vocals) * others))


def test_bins_beyond_the_limit_are_not_judged() -> None:
    masks, mixture, target = masks_and_target()
    other = masks.clone()
    other[..., 300:, :] += 5.0
    weights = bin_weights(mixture, torch.tensor([300, 300]), torch.zeros(2))
    first = masked_errors(masks, mixture, target, weights)
    torch.testing.assert_close(masked_errors(other, mixture, target, weights), first)


def test_whitening_judges_treble_as_much_as_bass() -> None:
    mixture = torch.randn(5, 1, 2, 1024, 2)
    mixture[..., 512:, :] *= 0.1  # treble at -20 dB
    energy = mixture.square().sum(0).sum((1, 3))[0]
    plain = bin_weights(mixture, torch.tensor([1024]), torch.zeros(1))[0] * energy
    white = bin_weights(mixture, torch.tensor([1024]), torch.ones(1))[0] * energy
    assert plain[600:].sum() / plain[:424].sum() == pytest.approx(0.01, rel=0.1)
    assert white[600:].sum() / white[:424].sum() == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize(
    ("network", "step"), [(GatedUnits, GatedUnitsStep), (DeepFilter, DeepFilterStep)]
)
def test_variants_stream_as_they_train(network: type, step: type, tmp_path: Path) -> None:
    torch.manual_seed(5)
    model, mixture = network(TINY).eval(), spectra(9)
    for weight in model.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    export(model, tmp_path / "variant.onnx", "variant", {}, step)
    session = onnxruntime.InferenceSession(str(tmp_path / "variant.onnx"))
    with torch.no_grad():
        expected, _ = model(mixture, model.initial_state(1))
    feeds = {i.name: np.zeros(i.shape, np.float32) for i in session.get_inputs()}
    names = [i.name for i in session.get_inputs()][1:]
    for frame, whole in zip(mixture, expected, strict=True):
        feeds["spectrum"] = np.pad(frame.numpy(), ((0, 0), (0, 0), (0, 1), (0, 0)))
        stems, *states = session.run(None, feeds)
        feeds.update(zip(names, states, strict=True))
        np.testing.assert_allclose(stems[:, :, :, :-1], whole.numpy(), atol=2e-5)

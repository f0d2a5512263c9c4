"""Weights beside their model card: what is saved loads, and nothing else does."""

import hashlib
import io
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model_samples import CARD
from rncarefine.nca import model as model_module
from rncarefine.nca.model import (
    DEFAULT_MODEL,
    PREFERENCE,
    Model,
    available_models,
    best_model,
    choose_model,
    load_model,
    save_model,
)


def tiny(seed=0):
    rng = np.random.default_rng(seed)
    return Model(
        CARD,
        {
            "update.weight": rng.normal(size=(64, 16)).astype(np.float32),
            "update.bias": np.zeros(16, np.float32),
            "scale": np.float32(0.5).reshape(()),
        },
    )


def rewritten(folder, **arrays):
    """Replace the weights of a saved model by others, with a card whose hash is right."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return with_bytes(folder, buffer.getvalue())


def with_bytes(folder, data):
    (folder / "tiny-2d.npz").write_bytes(data)
    return edited(folder, sha256=hashlib.sha256(data).hexdigest())


def edited(folder, **fields):
    path = folder / "tiny-2d.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    return path


@pytest.fixture
def saved(tmp_path):
    save_model(tiny(), tmp_path)
    return tmp_path


def test_what_is_saved_loads_bit_for_bit_by_either_file(saved):
    model = tiny()
    for name in ("tiny-2d.npz", "tiny-2d.json"):
        loaded = load_model(saved / name)
        assert loaded.parameters.keys() == model.parameters.keys()
        for key, values in model.parameters.items():
            assert loaded.parameters[key].dtype == np.float32
            assert loaded.parameters[key].shape == values.shape
            assert np.array_equal(loaded.parameters[key], values)
        assert loaded.card.parameters == 64 * 16 + 16 + 1
        assert loaded.card.shapes == {"scale": (), "update.bias": (16,), "update.weight": (64, 16)}
        assert replace(loaded.card, shapes={}, parameters=0, sha256="") == CARD
        assert (loaded.record().sha256, loaded.record().settings_hash) == (
            loaded.card.sha256,
            loaded.card.settings_hash,
        )
        assert loaded.card.sha256 == hashlib.sha256((saved / "tiny-2d.npz").read_bytes()).hexdigest()


def test_saving_twice_gives_the_same_bytes_whatever_the_order(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    model = tiny()
    save_model(model, tmp_path / "a")
    save_model(Model(CARD, dict(reversed(list(model.parameters.items())))), tmp_path / "b")
    for name in ("tiny-2d.npz", "tiny-2d.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize(
    ("values", "complaint"),
    [(np.array([1.0, np.nan]), "NaN or infinite"), (np.array([1e300]), "NaN or infinite"), (np.array(["a"]), "number")],
)
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_unusable_parameters_are_not_saved(tmp_path, values, complaint):
    with pytest.raises(ValueError, match=complaint):
        save_model(Model(CARD, {"w": values}), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_bad_card_is_not_saved(tmp_path):
    with pytest.raises(ValueError, match="'licence'"):
        save_model(Model(replace(CARD, licence=" "), tiny().parameters), tmp_path)
    with pytest.raises(ValueError, match="does not exist"):
        save_model(tiny(), tmp_path / "nowhere")
    assert not list(tmp_path.iterdir())


def test_a_changed_byte_is_found(saved):
    path = saved / "tiny-2d.npz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ValueError, match=r"tiny-2d\.npz.*SHA-256"):
        load_model(path)


@settings(max_examples=25, deadline=None)
@given(share=st.floats(0, 0.999))
def test_truncated_weights_raise(tmp_path_factory, share):
    folder = tmp_path_factory.mktemp("model")
    save_model(tiny(), folder)
    data = (folder / "tiny-2d.npz").read_bytes()
    cut = data[: int(len(data) * share)]
    (folder / "tiny-2d.npz").write_bytes(cut)
    with pytest.raises(ValueError, match="truncated"):
        load_model(folder / "tiny-2d.npz")
    with_bytes(folder, cut)
    with pytest.raises(ValueError, match=r"\.npz"):
        load_model(folder / "tiny-2d.npz")


class Bomb:
    """Leaves a trace when it is unpickled."""

    exploded = False

    def __reduce__(self):
        return (setattr, (Bomb, "exploded", True))


@pytest.mark.parametrize("kind", ["pickle", "object array", "npy"])
def test_foreign_files_are_refused_and_nothing_in_them_is_run(saved, kind):
    if kind == "pickle":
        with_bytes(saved, pickle.dumps(Bomb()))
    elif kind == "object array":
        rewritten(saved, w=np.array([Bomb()], dtype=object))
    else:
        buffer = io.BytesIO()
        np.save(buffer, np.zeros(3, np.float32))
        with_bytes(saved, buffer.getvalue())
    with pytest.raises(
        ValueError, match=r"tiny-2d\.npz: (this is not an \.npz file of plain arrays|parameter 'w' has no place)"
    ):
        load_model(saved / "tiny-2d.npz")
    assert not Bomb.exploded


def test_wrong_missing_and_additional_parameters_are_named(saved):
    good = tiny().parameters
    rewritten(saved, **{**good, "update.bias": np.zeros(17, np.float32)})
    with pytest.raises(ValueError, match=r"'update\.bias'.*\(17,\).*\(16,\)"):
        load_model(saved / "tiny-2d.npz")
    rewritten(saved, **{name: values for name, values in good.items() if name != "scale"})
    with pytest.raises(ValueError, match="'scale'"):
        load_model(saved / "tiny-2d.npz")
    rewritten(saved, **good, extra=np.zeros(1, np.float32))
    with pytest.raises(ValueError, match="'extra'"):
        load_model(saved / "tiny-2d.npz")


def test_another_type_and_values_that_are_not_finite_are_named(saved):
    good = tiny().parameters
    rewritten(saved, **{**good, "update.bias": np.zeros(16)})
    with pytest.raises(ValueError, match=r"'update\.bias'.*float64"):
        load_model(saved / "tiny-2d.npz")
    rewritten(saved, **{**good, "update.bias": np.full(16, np.inf, np.float32)})
    with pytest.raises(ValueError, match=r"'update\.bias'.*NaN"):
        load_model(saved / "tiny-2d.npz")


def test_a_missing_half_is_named(saved):
    (saved / "tiny-2d.json").rename(saved / "elsewhere.json")
    with pytest.raises(ValueError, match=r"tiny-2d\.json: .*missing"):
        load_model(saved / "tiny-2d.npz")
    (saved / "elsewhere.json").rename(saved / "tiny-2d.json")
    (saved / "tiny-2d.npz").unlink()
    with pytest.raises(ValueError, match=r"tiny-2d\.npz: .*missing"):
        load_model(saved / "tiny-2d.json")


def test_a_name_finds_the_shipped_model_and_the_first_folder_wins(tmp_path, monkeypatch):
    folders = (tmp_path / "a", tmp_path / "b", tmp_path / "missing")
    for seed, folder in enumerate(folders[:2]):
        folder.mkdir()
        save_model(tiny(seed), folder)
    save_model(Model(replace(CARD, name="a-second-1.5mm"), tiny().parameters), folders[1])
    monkeypatch.setattr(model_module, "MODEL_FOLDERS", folders)
    assert np.array_equal(load_model("tiny-2d").parameters["update.weight"], tiny(0).parameters["update.weight"])
    assert load_model("a-second-1.5mm").card.name == "a-second-1.5mm"
    assert [card.name for card in available_models()] == ["a-second-1.5mm", "tiny-2d"]


def test_an_unknown_name_lists_the_models_there_are(saved, monkeypatch):
    monkeypatch.setattr(model_module, "MODEL_FOLDERS", (saved,))
    with pytest.raises(ValueError, match=r"'huge'.*tiny-2d"):
        load_model("huge")
    with pytest.raises(ValueError, match="no such model"):
        load_model(saved / "huge.npz")
    with pytest.raises(ValueError, match="model"):
        load_model(saved / "huge")


def test_a_broken_card_is_left_out_of_the_list_with_a_warning(saved, monkeypatch):
    (saved / "broken.json").write_text("{}")
    monkeypatch.setattr(model_module, "MODEL_FOLDERS", (saved,))
    with pytest.warns(UserWarning, match=r"broken\.json"):
        assert [card.name for card in available_models()] == ["tiny-2d"]


# Choosing by name and mode


@pytest.fixture
def two_modes(tmp_path, monkeypatch):
    for name, mode in (("deep", "volumetric"), ("flat", "slice-wise")):
        save_model(replace(tiny(), card=replace(CARD, name=name, mode=mode)), tmp_path)
    monkeypatch.setattr(model_module, "MODEL_FOLDERS", (tmp_path,))


@pytest.mark.parametrize(
    ("name", "mode", "chosen"),
    [
        (None, "volumetric", "deep"),
        (None, "slice-wise", "flat"),
        ("deep", None, "deep"),
        ("deep", "volumetric", "deep"),
    ],
)
def test_a_model_is_chosen_by_name_or_by_mode(two_modes, name, mode, chosen):
    assert choose_model(name, mode).card.name == chosen


def test_without_a_name_the_default_model_is_chosen_where_it_fits(tmp_path, monkeypatch):
    for card in CARDS.values():
        save_model(replace(tiny(), card=card), tmp_path)
    monkeypatch.setattr(model_module, "MODEL_FOLDERS", (tmp_path,))
    mode = CARDS[DEFAULT_MODEL].mode
    assert choose_model().card.name == choose_model(None, mode).card.name == DEFAULT_MODEL


CARDS = {
    name: replace(CARD, name=name, mode=mode, licence=licence)
    for name, mode, licence in (
        ("aorta", "slice-wise", "MIT"),  # not a shipped one
        ("sax-cine-2d", "slice-wise", "CC BY-NC-SA 4.0"),
        ("sax-cine-3d", "volumetric", "CC BY-NC-SA 4.0"),
        ("sax-open-2d", "slice-wise", "Apache-2.0"),
    )
}


@pytest.mark.parametrize(
    ("mode", "permissive", "chosen"),
    [
        (None, False, PREFERENCE[0]),
        ("slice-wise", False, "sax-open-2d"),
        ("volumetric", False, "sax-cine-3d"),
        (None, True, "sax-open-2d"),
        ("slice-wise", True, "sax-open-2d"),
        ("volumetric", True, None),
    ],
)
def test_best_model_follows_the_order_of_preference(mode, permissive, chosen):
    for cards in (list(CARDS.values()), list(CARDS.values())[::-1]):
        best = best_model(cards, mode, permissive=permissive)
        assert (best and best.name) == chosen


def test_bundled_models_are_preferred():
    assert best_model([CARDS["aorta"], CARDS["sax-open-2d"]]).name == "sax-open-2d"
    assert best_model([replace(CARD, name="zebra"), CARDS["aorta"]]).name == "aorta"
    assert best_model([]) is None


def test_the_only_model_there_is_is_chosen_whatever_the_preference(tmp_path, monkeypatch):
    save_model(replace(tiny(), card=CARDS["sax-open-2d"]), tmp_path)
    monkeypatch.setattr(model_module, "MODEL_FOLDERS", (tmp_path,))
    assert choose_model().card.name == choose_model(None, "slice-wise").card.name == "sax-open-2d"


def test_without_any_model_there_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(model_module, "MODEL_FOLDERS", (tmp_path,))
    with pytest.raises(ValueError, match="No model"):
        choose_model()


def test_model_of_another_mode_raises(two_modes):
    with pytest.raises(ValueError, match=r"'flat' is slice-wise.*volumetric"):
        choose_model("flat", "volumetric")


def test_mode_without_a_model_raises(two_modes, tmp_path):
    for path in tmp_path.glob("deep.*"):
        path.unlink()
    with pytest.raises(ValueError, match="No volumetric model"):
        choose_model(None, "volumetric")
    with pytest.raises(ValueError, match="'3d'"):
        choose_model("flat", "3d")


# Sizes are bounded before anything is unpacked


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 5000, "[" * 20 + '"' + "]" * 20, "{" + " " * (2 << 20) + "}"]
)
def test_a_card_without_end_is_one_clear_error(tmp_path, text):
    (tmp_path / "deep.json").write_text(text)
    (tmp_path / "deep.npz").write_bytes(b"")
    for name in ("deep.json", "deep.npz"):
        with pytest.raises(ValueError, match=r"deep\.json") as raised:
            load_model(tmp_path / name)
        assert len(str(raised.value)) < 500


def test_brackets_inside_text_are_not_nested(saved):
    card = json.loads((saved / "tiny-2d.json").read_text())
    card["citation"] = "[" * 100 + '\\" {{{{'
    (saved / "tiny-2d.json").write_text(json.dumps(card))
    assert load_model(saved / "tiny-2d.npz").card.citation == card["citation"]


def test_oversized_weights_are_not_unpacked(saved):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{**tiny().parameters, "update.bias": np.zeros(50_000_000, np.float32)})
    with_bytes(saved, buffer.getvalue()[: 1 << 30])
    with pytest.raises(ValueError, match=r"tiny-2d\.npz: (parameter 'update\.bias' has 200,000,|the weights have)"):
        load_model(saved / "tiny-2d.npz")


def test_a_card_for_more_parameters_than_any_model_has_is_refused(saved):
    card = json.loads((saved / "tiny-2d.json").read_text())
    card["shapes"]["update.bias"] = [2**31 - 1, 2**31 - 1]
    (saved / "tiny-2d.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="25,000,000"):
        load_model(saved / "tiny-2d.npz")

"""Files that are cut, wrong or meant to harm give one clear error, without allocating what they promise."""

import io
import json
import struct
import tracemalloc
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import accelsim
from accelsim.workload.importers.arrays import read_arrays

RNG = np.random.default_rng(0)


def refused(call, *words):
    """`call` raises an AccelsimError of one short line holding `words`, and allocates little."""
    tracemalloc.start()
    try:
        with pytest.raises(accelsim.AccelsimError) as caught:
            call()
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    text = str(caught.value)
    assert len(text) < 2000 and "\n" not in text
    for word in words:
        assert word in text, text


def npy_bytes(shape, dtype="<f4", data=b""):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue() + data


class TestArrays:
    def test_a_shape_of_10_to_the_12(self, tmp_path):
        (tmp_path / "a.npy").write_bytes(npy_bytes((10 ** 6, 10 ** 6), data=b"\0" * 64))
        refused(lambda: read_arrays(tmp_path / "a.npy"), "promises", "1000000", "cut")

    def test_objects(self, tmp_path):
        np.save(tmp_path / "a.npy", np.array([{}, []], object), allow_pickle=True)
        refused(lambda: read_arrays(tmp_path / "a.npy"), "Python objects", "never loaded")
        np.savez(tmp_path / "a.npz", x=np.array([{}], object), allow_pickle=True)
        refused(lambda: read_arrays(tmp_path / "a.npz"), "Python objects")

    def test_a_zip_bomb(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive, archive.open(
                zipfile.ZipInfo("x.npy"), "w", force_zip64=True) as member:
            member.write(npy_bytes((5 << 28,)))
            for _ in range(5 << 6):
                member.write(bytes(1 << 20))
        data = bytearray((tmp_path / "a.npz").read_bytes())
        at = data.rindex(b"PK\x01\x02")  # the directory promises 5 GiB (in zip64's field or the plain one)
        struct.pack_into("<I", data, at + 24, 0xFFFFFFFE)
        (tmp_path / "a.npz").write_bytes(data)
        refused(lambda: read_arrays(tmp_path / "a.npz"), "a.npz")

    def test_many_members_that_add_up(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for i in range(3):
                archive.writestr(f"x{i}.npy", npy_bytes((4,), data=bytes(16)))
        data = bytearray((tmp_path / "a.npz").read_bytes())
        at = -1
        while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
            struct.pack_into("<I", data, at + 24, 0x7FFFFFFF)
        (tmp_path / "a.npz").write_bytes(data)
        refused(lambda: read_arrays(tmp_path / "a.npz"), "would unpack to 6,442,450,941", "safetensors")

    def test_safetensors(self, tmp_path):
        header = json.dumps({"x": {"dtype": "F32", "shape": [10 ** 6, 10 ** 6], "data_offsets": [0, 4 * 10 ** 12]}})
        file = tmp_path / "a.safetensors"
        file.write_bytes(struct.pack("<Q", len(header)) + header.encode() + bytes(64))
        refused(lambda: read_arrays(file), "not a readable safetensors")
        file.write_bytes(struct.pack("<Q", 1 << 62))
        refused(lambda: read_arrays(file), "not a readable safetensors")

    @pytest.mark.parametrize("suffix", [".npy", ".npz", ".safetensors"])
    def test_missing_and_empty(self, tmp_path, suffix):
        refused(lambda: read_arrays(tmp_path / f"a{suffix}"), f"a{suffix}")
        (tmp_path / f"a{suffix}").write_bytes(b"")
        refused(lambda: read_arrays(tmp_path / f"a{suffix}"), f"a{suffix}")

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_damaged_files(self, tmp_path, data):
        """Any cut and any changed byte: either the array is read, or one error is told."""
        kind = data.draw(st.sampled_from([".npy", ".npz"]))
        file = tmp_path / f"a{kind}"
        np.save(file, np.arange(12.0)) if kind == ".npy" else np.savez_compressed(file, x=np.arange(12.0))
        content = bytearray(file.read_bytes())
        for _ in range(data.draw(st.integers(0, 3))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        file.write_bytes(content[:data.draw(st.integers(0, len(content)))])
        with suppress(accelsim.RecordError):
            read_arrays(file)


@pytest.fixture
def conv_model(save):
    onnx = pytest.importorskip("onnx", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
    node = onnx.helper.make_node("Conv", ["x", "w"], ["y"])
    path = save([node], {"x": (1, 2, 8, 8)}, {"w": RNG.standard_normal((40, 2, 6, 6)).astype(np.float32)}, ["y"])
    return onnx, path


X = np.ones((1, 2, 8, 8), np.float32)


class TestOnnx:
    def record(self, path):
        return lambda: accelsim.record(path, X)

    def change(self, onnx, path, edit):
        model = onnx.load(path)
        edit(model)
        path.write_bytes(model.SerializeToString())
        return self.record(path)

    def test_cut(self, conv_model):
        _, path = conv_model
        content = path.read_bytes()
        for length in (0, 1, 10, len(content) // 2, len(content) - 1):
            path.write_bytes(content[:length])
            refused(self.record(path), "model.onnx")

    def test_not_onnx(self, conv_model):
        _, path = conv_model
        path.write_bytes(b"import torch\n" * 100)
        refused(self.record(path), "ONNX")

    def test_a_weight_of_10_to_the_12(self, conv_model):
        onnx, path = conv_model

        def edit(model):
            model.graph.initializer[0].dims[:] = [10 ** 6, 10 ** 6, 1, 1]

        refused(self.change(onnx, path, edit), "'w' has shape [1000000, 1000000, 1, 1]", "elements")

    def test_a_weight_without_its_values(self, conv_model):
        onnx, path = conv_model

        def edit(model):
            model.graph.initializer[0].dims[:] = [10 ** 5, 2, 6, 6]

        refused(self.change(onnx, path, edit), "does not hold its values")

    def test_an_input_of_10_to_the_12(self, conv_model):
        onnx, path = conv_model

        def edit(model):
            model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 10 ** 12

        refused(self.change(onnx, path, edit), "declared with shape")

    @pytest.mark.parametrize("rows", [10 ** 4, 10 ** 6])
    def test_a_constant_that_would_be_made_huge(self, save, rows):
        onnx = pytest.importorskip("onnx", reason="needs the extra: pip install accelsim[onnx]")
        node = onnx.helper.make_node
        path = save([node("ConstantOfShape", ["s"], ["c"]), node("ReduceSum", ["c"], ["r"], keepdims=0),
                     node("Mul", ["x", "r"], ["m"]), node("Conv", ["m", "w"], ["y"])], {"x": (1, 2, 8, 8)},
                    {"s": np.array([rows, 10 ** 6]), "w": np.ones((1, 2, 3, 3), np.float32)}, ["y"])
        refused(self.record(path), f"'c' would have shape [{rows}, 1000000]")

    @pytest.mark.parametrize("location", ["../secret.bin", "/etc/passwd", "sub/../../secret.bin", "link.bin", ""])
    def test_external_data_outside_the_folder(self, conv_model, location):
        onnx, path = conv_model
        (path.parent.parent / "secret.bin").write_bytes(bytes(40 * 2 * 36 * 4))
        (path.parent / "link.bin").symlink_to(path.parent.parent / "secret.bin")

        def edit(model):
            tensor = model.graph.initializer[0]
            tensor.ClearField("raw_data")
            tensor.data_location = onnx.TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value=location)

        refused(self.change(onnx, path, edit), "outside the model's folder", "refused")

    @pytest.mark.parametrize(("offset", "size"), [("0", 100), ("8", 40 * 2 * 36 * 4), ("-4", 1 << 16), ("x", 1 << 16)])
    def test_external_data_that_do_not_fit(self, conv_model, offset, size):
        onnx, path = conv_model
        (path.parent / "w.bin").write_bytes(bytes(size))

        def edit(model):
            tensor = model.graph.initializer[0]
            tensor.ClearField("raw_data")
            tensor.data_location = onnx.TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value="w.bin")
            tensor.external_data.add(key="offset", value=offset)

        refused(self.change(onnx, path, edit), "'w'")

    def test_external_data_beside_the_model_are_read(self, conv_model):
        onnx, path = conv_model
        inside = accelsim.record(path, X)
        onnx.save(onnx.load(path), path.parent / "apart.onnx", save_as_external_data=True, location="w.bin",
                  size_threshold=0)
        assert accelsim.record(path.parent / "apart.onnx", X).digest == inside.digest

    def test_a_graph_that_does_not_fit_together(self, conv_model):
        onnx, path = conv_model

        def edit(model):
            model.graph.node[0].input[1] = "nowhere"

        refused(self.change(onnx, path, edit), "model.onnx")

    def test_an_operator_that_nobody_knows(self, conv_model):
        onnx, path = conv_model

        def edit(model):
            model.graph.node.add(op_type="Frobnicate", input=["y"], output=["z"])

        refused(self.change(onnx, path, edit), "Frobnicate", "not an operator")

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
    @given(data=st.data())
    def test_damaged_models(self, conv_model, tmp_path, data):
        _, path = conv_model
        content = bytearray(path.read_bytes())
        head = [i for i in range(len(content)) if i < 200 or i > len(content) - 200]
        for _ in range(data.draw(st.integers(1, 3))):
            content[data.draw(st.sampled_from(head))] = data.draw(st.integers(0, 255))
        damaged = tmp_path / "damaged.onnx"
        damaged.write_bytes(content)
        with suppress(accelsim.AccelsimError):
            accelsim.record(damaged, X)


class TestImages:
    def test_not_an_image(self, conv_model, tmp_path):
        _, path = conv_model
        (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(20))
        refused(lambda: accelsim.record(path, tmp_path / "a.png"), "a.png")

    def test_a_decompression_bomb(self, save, tmp_path):
        pillow = pytest.importorskip("PIL.Image")
        onnx = pytest.importorskip("onnx", reason="needs the extra: pip install accelsim[onnx]")
        path = save([onnx.helper.make_node("Conv", ["x", "w"], ["y"])], {"x": (1, 3, "h", "w")},
                    {"w": np.ones((1, 3, 3, 3), np.float32)}, ["y"])
        pillow.new("1", (20000, 20000)).save(tmp_path / "a.png")
        refused(lambda: accelsim.record(path, tmp_path / "a.png"), "a.png")

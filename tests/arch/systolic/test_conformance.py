"""Do the systolic array's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.config import ArchConfig
from accelsim.workload.lowering import matrix_products

A_FEW_BYTES = st.integers(1, 200).map(lambda size: size / 1024)  # in KiB


def design(**changes: object) -> ArchConfig:
    return load_arch("tpu_128x128", changes)


class TestSystolic(testing.MachineConformance):
    kind = "systolic"

    def configs(self) -> st.SearchStrategy[ArchConfig]:
        return st.builds(design, rows=st.integers(1, 6), cols=st.integers(1, 6), double_buffer=st.booleans(),
                         dataflow=st.sampled_from(["ws", "is", "os", "best"]),
                         dram=st.sampled_from([None, {"gbps": 1.0}]), data_sram_kbytes=st.none() | A_FEW_BYTES,
                         resident_weights=st.booleans(), resident_activations=st.booleans())

    def some_configs(self) -> Iterator[ArchConfig]:
        yield design(rows=1, cols=1)
        for dataflow in ("ws", "is", "os"):
            yield design(rows=4, cols=3, dataflow=dataflow, dram={"gbps": 1.0})
            yield design(rows=2, cols=5, dataflow=dataflow, double_buffer=True, dram={"gbps": 1.0},
                         data_sram_kbytes=0.01)

    @given(data=st.data())
    def test_twins_agree_where_the_buffer_just_holds_an_operand(self, data: st.DataObject) -> None:
        """Or just does not; matrices of inputs are tried, too, though a convolution's inputs lie there as planes."""
        layer, dataflow = data.draw(self.layers()), data.draw(st.sampled_from(["ws", "is", "os"]))
        products = list(matrix_products(layer))
        planes = layer.activation.size // len(products)
        words = products[0].matrix.size if dataflow == "is" else data.draw(
            st.sampled_from([planes, planes, products[0].vectors.size]))
        bits = 16 * words - data.draw(st.sampled_from([0, 1]))
        config = design(rows=data.draw(st.integers(1, 3)), cols=data.draw(st.integers(1, 2)), dataflow=dataflow,
                        dram={"gbps": 1.0}, data_sram_kbytes=bits / 8192)
        self.check_twins(layer, config, next(iter(self.machine.policies.values())))

"""Do Eager Pruning's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.training.eager_pruning.config import EagerPruningConfig
from accelsim.arch.training.shared.passes import PHASES


def design(preset: str = "eager_pruning", **changes: object) -> EagerPruningConfig:
    config = load_arch(preset, changes)
    assert isinstance(config, EagerPruningConfig)
    return config


PHASE_LISTS = st.lists(st.sampled_from(PHASES), min_size=1, max_size=3, unique=True)


class TestPolicies(testing.PolicyConformance):
    kind = "eager_pruning"

    def some_configs(self) -> Iterator[EagerPruningConfig]:
        yield design(multipliers=4)
        yield design("eager_pruning_rigid", multipliers=6, group=3)


class TestEagerPruning(testing.MachineConformance):
    kind = "eager_pruning"

    def configs(self) -> st.SearchStrategy[EagerPruningConfig]:
        fixed = {"load_width": st.integers(1, 5), "double_buffer": st.booleans(), "phases": PHASE_LISTS,
                 "input_layers": st.sampled_from([[], ["c"], ["l", "m"]]), "sparse": st.booleans(),
                 "word_bits": st.sampled_from([8, 32]), "glb_words": st.sampled_from([1, 30, 200, 32768]),
                 "gradient_seed": st.integers(0, 2**32 - 1), "dram": st.sampled_from([None, {"gbps": 1.0}])}
        free = st.builds(design, multipliers=st.integers(1, 17), **fixed)
        groups = st.tuples(st.integers(1, 5), st.integers(1, 4)).flatmap(lambda size: st.builds(
            design, st.just("eager_pruning_rigid"), multipliers=st.just(size[0] * size[1]), group=st.just(size[0]),
            **fixed))
        # a layer that runs no pass does none of its work, which the suite's lower bound does not know
        return (free | groups).filter(lambda config: all(config.passes(name) for name in "clm"))

    def layers(self) -> st.SearchStrategy[testing.Layer]:
        return testing.layers(size=8)

    def some_configs(self) -> Iterator[EagerPruningConfig]:
        yield design(multipliers=1, load_width=1)
        yield design(multipliers=7, load_width=2, double_buffer=False, glb_words=1)
        yield design("eager_pruning_rigid", multipliers=12, group=3, glb_words=40)
        yield design("eager_pruning_rigid", multipliers=4, group=1, sparse=False)
        yield design()

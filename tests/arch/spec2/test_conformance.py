"""Do SPEC2's twins agree, on everything, everywhere?"""

from types import MappingProxyType

from arch.spectral.designs import Spectral
from hypothesis import strategies as st


class TestSpec2(Spectral):
    kind = "spec2"
    own = MappingProxyType({"fill_cycles": st.integers(0, 5)})

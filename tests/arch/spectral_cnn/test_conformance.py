"""Do Spectral CNN's twins agree, on everything, everywhere?"""

from arch.spectral.designs import BLOCKS, Spectral
from hypothesis import strategies as st


class TestSpectralCnn(Spectral):
    kind = "spectral_cnn"
    own = BLOCKS | {"fill_cycles": st.integers(0, 5)}

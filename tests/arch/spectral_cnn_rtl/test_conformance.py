"""Do the released controller's twins agree, on everything, everywhere?"""

from arch.spectral.designs import BLOCKS, RELEASED, Spectral


class TestSpectralCnnRtl(Spectral):
    kind = "spectral_cnn_rtl"
    own = BLOCKS | RELEASED

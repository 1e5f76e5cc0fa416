"""Designs with published figures and no machine here."""

from accelsim.validation.claim import Chapter

CHAPTER = Chapter(
    "others", "Designs without a machine here", (), exact="", abstracted="", groups=(),
    unchecked=(
        ("ESE: 57.0 us in theory, 82.7 us in fact, 282 GOPS",
         "EIE's kind could take its non-zeros, but not its element-wise "
         "units, its batch of 32 channels and its streamed weights; not checked yet"),
        ("SparseNN, LRADNN, MASR, Eager Pruning, SqueezeFlow, CompAct",
         "ratios over designs and networks that are not public"),
        ("SPEC2, Spectral CNN", "spectral convolutions are not a workload here"),
        ("column combining", "see systolic arrays"),
        ("ExTensor (bytes and times of five matrices), SpArch, indirection streams",
         "sparse times sparse matrices of another "
         "kind than layers; no such machine"),
    ))

"""Small designs of tensor cores: see arch/small.py."""

from arch.small import Small

DESIGNS = {
    "": Small("a100_dense", {"sms": 3}, timeline={"launch_cycles": 9, "tile": "128x128_32x3", "split_k": 2}),
    "2:4": Small("a100_40gb", {"sms": 4}, policy="dense_fallback", refused_by=("strict",)),
}

"""YAML files read strictly: limits, the line of every mistake, "did you mean"."""

from accelsim.yaml.reading import (
    MAX_YAML_BYTES,
    did_you_mean,
    digest_of,
    line_of,
    parse_yaml,
    read_scalar,
    read_text,
    read_yaml,
    validate,
)
from accelsim.yaml.strict import Name, StrictModel, dotted_keys, flattened, printable

__all__ = ["MAX_YAML_BYTES", "Name", "StrictModel", "did_you_mean", "digest_of", "dotted_keys", "flattened", "line_of",
           "parse_yaml", "printable", "read_scalar", "read_text", "read_yaml", "validate"]

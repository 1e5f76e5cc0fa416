"""One file per machine, each with a `CHAPTER`; `accelsim.validation.catalogue` finds them, nothing else lists them."""

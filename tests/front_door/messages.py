"""What a person can read: the measure of every error."""

LONGEST_MESSAGE = 2048


def check_message(error: Exception, wanted: type[Exception], mention: str) -> None:
    """One clear error: of the right class, naming what it is about, of a length that a person reads."""
    text = str(error)
    assert type(error) is wanted, f"{type(error).__name__} instead of {wanted.__name__}"
    assert mention in text, f"names nothing: {text[:300]}"
    assert " object at 0x" not in text, f"shows an address: {text[:300]}"
    assert len(text) <= LONGEST_MESSAGE, f"{len(text)} characters: {text[:300]}"

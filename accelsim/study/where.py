"""Conditions on rows, `pes >= 32 and (policy = greedy_nnz or cycles < 1e6)`: parsed here, never evaluated as code."""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from accelsim.errors import ConfigError
from accelsim.yaml import did_you_mean

Row = Mapping[str, Any]
Condition = Callable[[Row], bool]
MAX_CHARACTERS = 10_000
MAX_DEPTH = 50

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "==": operator.eq, "!=": operator.ne,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}
_TOKEN = re.compile(r"""\s*(?:(?P<text>'[^']*'|"[^"]*")|(?P<mark>[()]|==|!=|<=|>=|=|<|>)|(?P<word>[^\s()=!<>'"]+))""")
_WORDS = {"true": True, "false": False, "none": None}


def parse_where(text: str) -> Condition:
    """The condition that `text` states: `column op value` joined by and, or and parentheses; `and` binds tighter.

    op is one of = == != < <= > >=. A value is a number, a word, true, false, none or a quoted text. Nothing is smaller
    or larger than a missing value. Raises ConfigError when the text cannot be read; the condition raises it for
    an unknown column, or when text is compared with a number.
    """
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(f"condition of {len(text):,} characters; wanted at most {MAX_CHARACTERS:,}")
    parser = _Parser(text)
    condition = parser.any_of(0)
    if parser.tokens:
        raise parser.mistake("'and', 'or' or the end")
    return condition


def column_name(name: str, row: Row) -> str:
    """`name` as a column of `row`: itself, or the config key of that name. ConfigError when there is none."""
    for candidate in (name, f"config.{name}"):
        if candidate in row:
            return candidate
    short = [c.removeprefix("config.") for c in row]
    raise ConfigError(f"no column is called {name!r}{did_you_mean(name, [*row, *short])}")


class _Parser:
    """Recursive descent over the tokens that are left."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []  # (kind, token)
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise ConfigError(f"condition {text[:80]!r}: cannot be read from {text[at:].strip()[:20]!r} on")
            self.tokens.append((str(match.lastgroup), match.group(str(match.lastgroup))))
            at = match.end()

    def any_of(self, depth: int) -> Condition:
        parts = [self.all_of(depth)]
        while self.take_word("or"):
            parts.append(self.all_of(depth))
        return parts[0] if len(parts) == 1 else lambda row: any(part(row) for part in parts)

    def all_of(self, depth: int) -> Condition:
        parts = [self.one(depth)]
        while self.take_word("and"):
            parts.append(self.one(depth))
        return parts[0] if len(parts) == 1 else lambda row: all(part(row) for part in parts)

    def one(self, depth: int) -> Condition:
        if self.tokens[:1] == [("mark", "(")]:
            if depth == MAX_DEPTH:
                raise ConfigError(f"condition {self.text[:80]!r}: nested deeper than {MAX_DEPTH} parentheses")
            self.tokens.pop(0)
            inner = self.any_of(depth + 1)
            self.expect(("mark", ")"))
            return inner
        return self.comparison()

    def comparison(self) -> Condition:
        if not self.tokens or self.tokens[0][0] != "word" or self.tokens[0][1].lower() in ("and", "or"):
            raise self.mistake("the name of a column")
        name = self.tokens.pop(0)[1]
        if not self.tokens or self.tokens[0][1] not in _OPERATORS or self.tokens[0][0] != "mark":
            raise self.mistake("one of " + " ".join(_OPERATORS))
        sign = self.tokens.pop(0)[1]
        if not self.tokens or self.tokens[0][0] == "mark":
            raise self.mistake("a value")
        return _comparison(name, sign, _value(*self.tokens.pop(0)))

    def take_word(self, word: str) -> bool:
        found = bool(self.tokens) and self.tokens[0][0] == "word" and self.tokens[0][1].lower() == word
        if found:
            self.tokens.pop(0)
        return found

    def expect(self, token: tuple[str, str]) -> None:
        if self.tokens[:1] != [token]:
            raise self.mistake(repr(token[1]))
        self.tokens.pop(0)

    def mistake(self, wanted: str) -> ConfigError:
        found = repr(self.tokens[0][1]) if self.tokens else "the end"
        return ConfigError(f"condition {self.text[:80]!r}: wanted {wanted}, got {found}; "
                           "for example: pes >= 32 and policy = greedy_nnz")


def _value(kind: str, token: str) -> Any:
    if kind == "text":
        return token[1:-1]
    if token.lower() in _WORDS:
        return _WORDS[token.lower()]
    for read in (int, float):
        try:
            return read(token)
        except ValueError:
            continue
    return token


def _comparison(name: str, sign: str, wanted: Any) -> Condition:
    def holds(row: Row) -> bool:
        column = column_name(name, row)
        found = row[column]
        if sign in ("=", "==", "!="):
            return _OPERATORS[sign](found, wanted)
        if found is None or wanted is None:
            return False
        if isinstance(found, str) != isinstance(wanted, str):
            raise ConfigError(f"condition {name} {sign} {wanted!r}: column {column!r} holds {found!r}; compare text "
                              "with text and numbers with numbers")
        return _OPERATORS[sign](found, wanted)

    return holds

"""Seeded mutators of what a user can hand to accelsim: YAML files and command lines (traces: `trace_mutations.py`).

A mutator takes a `random.Random` and a sound input and returns a spoilt (or, by luck, still sound) one.
"""

from collections.abc import Callable
from random import Random

HOSTILE_SCALARS = (
    "", "true", "null", "~", "[]", "{}", "[1, 2]", "{a: 1}", ".nan", ".inf", "-.inf", "1e999", "-1", "0", "1.5",
    "1e400", "1e-320", "1e308", "9" * 30, "9" * 5000, "0x" + "f" * 6000, "2026-11-22", "2026-11-22T10:00:00Z", "1:30",
    "0o17", "1_000", "0b11", "yes", "on", "!!python/object:os.system ls", "!!python/object/apply:os.system [ls]",
    "!!binary aGk=", "!!str 64", "!!int '64'", "!!set {a}", "!custom 3", "&a 1", "&a true", "*a", "'64'", '"\\ud800"',
    '"\\e[31mred"', '"\\0"', '"\\x"', "é", "\u202eeman", "|\n  text", "> text", "%", "@x", "`x`", "- x", "? x", "{",
    "[", "]", "'", '"', ":", "a: b", "a: b: c", "x" * 10_000, "/dev/zero", "/", "..", "<<", "=", "[" * 300,
    "{a: " * 300, "[" * 90 + "]" * 90,
)
ODD_KEYS = ("", "pe", "Pes", "PES", "pes ", "1", "1.5", "true", "null", "~", "[a]", "{a: 1}", "? [a, b]\n", "'quoted'",
            "ключ", '"\\ud800"', '"\\e[31m"', "x" * 300, "<<", "2026-11-22", "pes:", "- pes", "__class__",
            "model_config", "kind")
WHOLE_TEXTS = (
    b"", b"\n", b"#", b"---", b"...", b"- a\n- b\n", b"[1, 2]", b"42", b"text", b"null", b"\xff\xfe", b"\x00",
    b"\xef\xbb\xbf", b"%YAML 1.1\n---\n", b"%YAML 9.9\n---\na: 1\n", b"%TAG ! x\n", b"a: 1\n---\nb: 2\n",
    b"a: &a [*a]\n", b"\t", b"a:\tb",
    b"? a\n? b\n", b"<<: {kind: eie}\n", b"\x7fELF\x02", b"PK\x03\x04", b"{" * 20_000, b"- " * 5_000, b"a: " * 2_000,
)


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _keyed(rng: Random, lines: list[str]) -> int:
    """The number of a `key: value` line; of any line where there is none."""
    keyed = [i for i, line in enumerate(lines) if ":" in line and not line.lstrip().startswith("#")]
    return rng.choice(keyed or range(len(lines)))


def _flip_bytes(rng: Random, text: str) -> bytes:
    data = bytearray(text.encode())
    for _ in range(rng.randint(1, 8)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def _cut_line(rng: Random, text: str) -> bytes:
    lines = _lines(text)
    del lines[rng.randrange(len(lines))]
    return "".join(lines).encode()


def _repeat_line(rng: Random, text: str) -> bytes:
    lines = _lines(text)
    lines.insert(rng.randrange(len(lines)), rng.choice(lines))
    return "".join(lines).encode()


def _swap_lines(rng: Random, text: str) -> bytes:
    lines = _lines(text)
    rng.shuffle(lines)
    return "".join(lines).encode()


def _truncate(rng: Random, text: str) -> bytes:
    data = text.encode()
    return data[:rng.randrange(len(data))]


def _insert_bytes(rng: Random, text: str) -> bytes:
    data, at = text.encode(), rng.randrange(len(text))
    junk = rng.choice((b"\x00", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\x1b[2J", b"\r", b"\t", "\u2028".encode(),
                       b"\xef\xbb\xbf"))
    return data[:at] + junk + data[at:]


def _value(rng: Random, text: str) -> bytes:
    """Another value on one `key: value` line."""
    lines = _lines(text)
    at = _keyed(rng, lines)
    lines[at] = f"{lines[at].split(':')[0]}: {rng.choice(HOSTILE_SCALARS)}\n"
    return "".join(lines).encode(errors="surrogatepass")


def _key(rng: Random, text: str) -> bytes:
    """Another key on one line, or a line more with an odd key."""
    lines, odd = _lines(text), rng.choice(ODD_KEYS)
    if rng.random() < 0.5:
        lines.append(f"{odd}: {rng.choice(('1', 'x', rng.choice(HOSTILE_SCALARS)))}\n")
    else:
        at = _keyed(rng, lines)
        indent, value = lines[at][:len(lines[at]) - len(lines[at].lstrip())], lines[at].partition(":")[2]
        lines[at] = f"{indent}{odd}:{value}"
    return "".join(lines).encode()


def _misspelt(rng: Random, text: str) -> bytes:
    lines = _lines(text)
    at = _keyed(rng, lines)
    key, colon, value = lines[at].partition(":")
    place = rng.randrange(len(key))
    lines[at] = key[:place] + rng.choice("aeiou_ ") + key[place + rng.randint(0, 1):] + colon + value
    return "".join(lines).encode()


def _indent(rng: Random, text: str) -> bytes:
    lines = _lines(text)
    at = rng.randrange(len(lines))
    lines[at] = rng.choice((" ", "  ", "\t", "- ", "    ")) + lines[at]
    return "".join(lines).encode()


def _bomb(rng: Random, text: str) -> bytes:
    """Billion laughs: ten levels, each ten times the one below."""
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    return (text + "\n".join(levels) + "\n").encode()


def _encoding(rng: Random, text: str) -> bytes:
    return text.encode(rng.choice(("utf-16", "utf-32", "utf-16-le", "utf-8-sig", "cp500")))


def _many(rng: Random, text: str) -> bytes:
    return (text + "".join(f"key{i}: {i}\n" for i in range(rng.choice((30, 400, 2000))))).encode()


def _wrapped(rng: Random, text: str) -> bytes:
    head, step = rng.choice((("- ", "  "), ("root:\n  ", "  "), ("- - ", "    ")))
    return (head + text.replace("\n", "\n" + step)).encode()


def _whole(rng: Random, text: str) -> bytes:
    return rng.choice(WHOLE_TEXTS)


YAML_MUTATORS: tuple[Callable[[Random, str], bytes], ...] = (
    _flip_bytes, _cut_line, _repeat_line, _swap_lines, _truncate, _insert_bytes, _value, _value, _value, _key,
    _misspelt, _indent, _bomb, _encoding, _many, _wrapped, _whole,
)


def mutated_yaml(rng: Random, text: str) -> bytes:
    """`text` with one mutation, at times two."""
    data = rng.choice(YAML_MUTATORS)(rng, text)
    try:
        again = data.decode()
    except UnicodeDecodeError:
        return data
    return rng.choice(YAML_MUTATORS)(rng, again) if len(again.splitlines()) > 3 and rng.random() < 0.25 else data


# Command lines. The names of files are those that `cases.py` makes in the working folder.
TRACES = ("tiny.safetensors", "pattern.safetensors", "cut.safetensors", "floats.safetensors", "empty.safetensors",
          "no_such", "no_such.safetensors", "folder", "folder.safetensors", "loop.safetensors", "pipe", "digits_cn",
          "design.yaml", "", "\x1b[31m.safetensors", "\udcff", "x" * 5000, "/proc/self/mem", "/dev/zero",
          "tiny.safetensors/", "a\x00b", "\n")
ARCHS = ("eie", "eie", "design.yaml", "Eie", "ei", "nothing.yaml", "cut.yaml", "list.yaml", "bomb.yaml", "folder", "",
         "../eie", "tiny.safetensors", "pipe", "loop.yaml", "/dev/null", "/dev/zero", "\udcff.yaml", "a\x00b", "[red]x",
         "x" * 300)
POLICIES = ("row_interleave", "row_block", "greedy_nnz", "greedy", "", "ROW_BLOCK", "[red]", "\udcff", "x" * 1000, "--")
SETTINGS = (
    "pes=4", "pes=1", "queue_entries=1", "name=other", "clock_mhz=1.5", "spmat_width_bits=8", "pes=1e999", "pes=[1,2",
    "pes=", "pes=!!python/object:os.system", "=", "==", "=4", "pes", "", " ", "pes=4=5", "pes=true", "pes=~",
    "pes=.nan", "pes=0x10", "pes=-1", "pes=4.0", "pes='4'", "pes=*a", "pes=&a 4", "pes=[1, 2]", "pes={a: 1}",
    "pes=2026-11-22", "pes=" + "9" * 5000,
    "pes=" + "[" * 5000, "pes=é", "é=1", "pes=\udcff", "\udcff=1", "pes=\x00", "kind=scnn", "pess=4", "PES=4",
    "name=\x1b[31m", "name=" + "x" * 81, "name=''", "energy_table=eie", "energy_table=folder", "energy_table=/dev/zero",
    "energy_table=design.yaml", "clock_mhz=1e-300", "clock_mhz=0", "index_bits=16", "spmat_kbytes=1e308",
    "spmat_kbytes=.inf", "pes=%", "pes=@",
    "x" * 5000,
)
FOLDERS = ("out", "out", "out/deep/er", "file.txt", "file.txt/out", "/proc/nowhere", "pipe", "loop", "a\x00b", "\udcff",
           "x" * 300, "taken", "folder")
FORMATS = ("table", "json", "csv", "xml", "JSON", "", "\udcff")
ENGINES = ("kernel", "reference", "Kernel", "fast", "")
OPTIONS: dict[str, tuple[str, ...]] = {
    "--arch": ARCHS, "-a": ARCHS, "--set": SETTINGS, "--policy": POLICIES, "--engine": ENGINES, "--format": FORMATS,
    "-o": FOLDERS, "--output": FOLDERS,
}
STRAY = ("--nonsense", "-x", "--", "-", "--help", "-h", "--arch=", "--set=pes=2", "-aeie", "-o", "--set", "--arch",
         "more", "--forma", "run", "\udcff", "--" + "x" * 2000, "[red]x", "--version")


def command_line(rng: Random) -> list[str]:
    """A command line: mostly `run` with sound and odd options mixed, at times with tokens lost, doubled or swapped."""
    command = rng.choice(("run",) * 8 + ("show", "check", "list", "schema", "sho", ""))
    words = [command]
    if command == "run":
        sound = rng.random() < 0.5
        words += [TRACES[rng.randrange(2)] if sound or rng.random() < 0.5 else rng.choice(TRACES)]
        words += ["--arch", "eie" if sound or rng.random() < 0.5 else rng.choice(ARCHS)]
        for _ in range(rng.randint(0, 4)):
            option = rng.choice(tuple(OPTIONS))
            words += [option, OPTIONS[option][0] if rng.random() < 0.4 else rng.choice(OPTIONS[option])]
    elif command == "list":
        words.append(rng.choice(("archs", "workloads", "policies", "traces", "arch", "", "everything", "\udcff")))
    elif command in ("show", "check"):
        words.append(rng.choice(TRACES + ARCHS))
    while rng.random() < 0.25:
        at = rng.randrange(len(words) + 1)
        change = rng.choice(("lose", "double", "stray", "swap"))
        if change == "stray" or not words:
            words.insert(at, rng.choice(STRAY))
        elif change == "lose":
            del words[min(at, len(words) - 1)]
        elif change == "double":
            words.insert(at, rng.choice(words))
        else:
            rng.shuffle(words)
    return words

"""Is every multicast pattern routed through the Benes network, one value a wire, to the right multipliers?

A setting names for each output of each switch the one input it takes, so two values on a wire cannot be written down:
`route` raises instead. What is left to test is that it finds settings and that they deliver.
"""

import random
from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arch.flexible.sigma.reference.benes import Benes, BenesSetting
from accelsim.errors import ConfigError


def assert_delivers(network: Benes, source_of: list[int | None]) -> BenesSetting:
    """`network` finds settings for the pattern and they bring each destination the word of its port, and no other."""
    setting = network.route(source_of)
    assert len(setting.taken) == network.levels
    used = {source for source in source_of if source is not None}
    words = [100 + port if port in used else None for port in range(network.ports)]
    assert network.deliver(setting, words) == [None if source is None else 100 + source for source in source_of]
    return setting


def test_links_of_four_ports():
    # n = 2: levels 0 .. 4; links between them differ in bit 1, bit 0, then bit 0, bit 1.
    network = Benes(4)
    assert (network.levels, network.link_bits) == (5, (1, 0, 0, 1))
    # port 0 to destination 3 through middle 1: bits of the middle from the highest, of the destination from the lowest.
    assert network.path(0, 1, 3) == [0, 0, 1, 1, 3]


@pytest.mark.parametrize("ports", [2, 4])
def test_every_multicast_pattern_of_few_ports(ports):
    network = Benes(ports)
    for source_of in product([None, *range(ports)], repeat=ports):
        assert_delivers(network, list(source_of))


def test_permutations_of_eight_ports():
    network, rng = Benes(8), random.Random(1)
    for source_of in rng.sample(list(permutations(range(8))), 1000):
        assert_delivers(network, list(source_of))


def groupings(destinations: int):
    """Every way to have destinations share sources, sources numbered by their first destination."""
    def grow(labels: list[int], used: int):
        if len(labels) == destinations:
            yield labels
            return
        for label in range(used + 1):
            yield from grow([*labels, label], max(used, label + 1))

    yield from grow([0], 1)


@pytest.mark.parametrize("draws", [1, pytest.param(16, marks=pytest.mark.slow)])
def test_every_grouping_of_eight_destinations(draws):
    # 4,140 groupings; which port feeds which group is drawn.
    network, rng = Benes(8), random.Random(2)
    for labels in groupings(8):
        for _ in range(draws):
            ports = rng.sample(range(8), 8)
            assert_delivers(network, [ports[label] for label in labels])


@st.composite
def patterns(draw: st.DrawFn, ports: int) -> list[int | None]:
    """Arbitrary patterns; rows of ascending ports, as the controller makes them; and ones where many sources share
    switches, which are the hardest to route.
    """
    rng = random.Random(draw(st.integers(0, 2**32 - 1)))
    used = draw(st.integers(1, ports))
    shape = draw(st.sampled_from(["any", "rows", "shared"]))
    if shape == "any":
        idle = draw(st.sampled_from([0.0, 0.2]))
        return [None if rng.random() < idle else rng.randrange(used) for _ in range(ports)]
    if shape == "rows":
        density = draw(st.sampled_from([0.2, 0.5, 0.9]))
        pattern: list[int | None] = []
        while len(pattern) < ports:
            pattern += [port for port in range(used) if rng.random() < density] or [rng.randrange(used)]
        return pattern[:ports]
    pairs = rng.sample(range(ports // 2), max(1, ports // draw(st.sampled_from([4, 6, 8]))))
    sources = [port for pair in pairs for port in (pair, pair + ports // 2)]
    return rng.sample([sources[i % len(sources)] for i in range(ports)], ports)


@pytest.mark.parametrize("ports", [8, 16, 32])
@settings(deadline=None)
@given(data=st.data())
def test_drawn_patterns(ports, data):
    assert_delivers(Benes(ports), data.draw(patterns(ports)))


@pytest.mark.slow
@pytest.mark.parametrize(("ports", "draws"), [(8, 20_000), (16, 10_000), (32, 3000), (64, 300), (128, 100)])
def test_many_random_patterns(ports, draws):
    network, rng = Benes(ports), random.Random(ports)
    for _ in range(draws):
        used = rng.randint(1, ports)
        assert_delivers(network, [rng.randrange(used) for _ in range(ports)])


@pytest.mark.parametrize("ports", [16, 64, 128])
def test_random_permutations(ports):
    network, rng = Benes(ports), random.Random(3)
    for _ in range(20):
        assert_delivers(network, rng.sample(range(ports), ports))


@pytest.mark.parametrize("ports", [16, 128])
def test_broadcast_and_identity(ports):
    network = Benes(ports)
    for port in (0, 5, ports - 1):
        assert_delivers(network, [port] * ports)
    assert_delivers(network, list(range(ports)))


def test_zero_is_a_word():
    network = Benes(2)
    assert network.deliver(network.route([1, None]), [None, 0]) == [0, None]


def test_same_pattern_same_settings():
    pattern = [random.Random(4).randrange(16) for _ in range(16)]
    assert Benes(16).route(pattern) == Benes(16).route(pattern)


@pytest.mark.parametrize("ports", [0, 1, 3, 12])
def test_ports_that_are_no_power_of_two(ports):
    with pytest.raises(ConfigError, match=f"multipliers_per_dpe is {ports}, wanted a power of two"):
        Benes(ports)

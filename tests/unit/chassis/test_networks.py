"""The address filter against name server addresses that a hostile zone could publish."""

import pytest

from chassis.networks import Networks

FORBIDDEN = """
0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.255.255.255 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8
192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 239.1.1.1
240.0.0.1 255.255.255.255 :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1
100::1 2001::1 2001:2::1 2001:db8::1 2002:7f00:1:: 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1
ff02::1
""".split()
PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 172.32.0.1 198.41.0.4 199.7.83.42 2606:4700::1111 2a00:1450::1
""".split()


@pytest.mark.parametrize("address", FORBIDDEN)
def test_special_purpose_addresses_are_forbidden(address: str) -> None:
    assert not Networks().permitted(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_permitted(address: str) -> None:
    assert Networks().permitted(address)


def test_only_the_networks_that_the_operator_allows_are_permitted_in_addition() -> None:
    networks = Networks(["127.0.0.0/24", "fd00::/8"])

    assert networks.permitted("127.0.0.53")
    assert networks.permitted("fd12::1")
    assert not networks.permitted("127.0.1.1")
    assert not networks.permitted("10.0.0.1")

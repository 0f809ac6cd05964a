"""Addresses that a vendor may name for its result: none of this machine's, its network's or its cloud's, however it is written."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from likeness.http.sockets import SPECIAL_V4, SPECIAL_V6, is_public

# The registries of IANA, whole, and the multicast blocks: https://www.iana.org/assignments/iana-ipv4-special-registry and -ipv6-.
SPECIAL = """
    0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 100.100.100.200 127.0.0.1 127.255.255.255
    169.254.0.0 169.254.169.254 169.254.170.2 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.8 192.0.0.9 192.0.0.10 192.0.0.170
    192.0.0.171 192.0.0.192 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.0 192.88.99.1 192.88.99.2 192.168.0.1 192.175.48.1
    198.18.0.0 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255 168.63.129.16
    :: ::1 ::7f00:1 ::ffff:0:7f00:1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:192.88.99.1 64:ff9b::808:808 64:ff9b::7f00:1
    64:ff9b:1::1 100::1 100:0:0:1::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:1::1 2001:1::2 2001:1::3 2001:2::1
    2001:3::1 2001:4:112::1 2001:10::1 2001:20::1 2001:30::1 2001:1ff:ffff::1 2001:db8::1 2002::1 2002:7f00:1:: 2002:808:808::1
    2620:4f:8000::1 3fff::1 3fff:fff:ffff::1 4000::1 5f00::1 fc00::1 fd00:ec2::254 fd20:ce::254 fe80::1 fec0::1 ff02::1 ff0e::1
    2a00:1450:4001:82b:0:5efe:7f00:1 2606:4700::200:5efe:a9fe:a9fe
"""
PUBLIC = """
    1.1.1.1 8.8.8.8 93.184.216.34 100.63.255.255 100.128.0.0 172.15.255.255 172.32.0.0 192.0.1.1 192.167.255.255 198.17.255.255
    198.20.0.0 223.255.255.255 168.63.129.15 ::ffff:8.8.8.8 2001:200::1 2001:4860:4860::8888 2606:4700:4700::1111
    2a00:1450:4001:82b::200e 2400:cb00::1 3ffe::1
"""


@pytest.mark.parametrize("address", SPECIAL.split())
def test_a_special_address_is_not_public(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC.split())
def test_an_address_of_the_internet_is(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize("network", [*SPECIAL_V4, *SPECIAL_V6], ids=str)
def test_both_ends_of_a_special_network_belong_to_it(network):
    kind = IPv4Address if network.version == 4 else IPv6Address
    assert not is_public(kind(int(network.network_address)))
    assert not is_public(kind(int(network.broadcast_address)))

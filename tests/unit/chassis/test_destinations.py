"""Which URLs may be posted to: in every spelling, nothing inside, and always the same words."""

import pytest

from chassis.destinations import Destination, Destinations
from chassis.field_reasons import BadValue

INSIDE = """
127.0.0.1 127.1 127.0.1 2130706433 0x7f000001 0x7f.0.0.1 0x7f.1 0177.0.0.1 017700000001 0 0.0.0.0 127.0.0.1.
10.0.0.1 10.1 100.64.0.1 169.254.169.254 2852039166 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1
192.0.2.1
192.168.1.1 192.88.99.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1
255.255.255.255
256.256.256.256 1.2.3.4.5 08.8.8.8 8.8.8.08
[::] [::1] [0:0:0:0:0:0:0:1] [::127.0.0.1] [::7f00:1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:10.0.0.1]
[::ffff:0:127.0.0.1] [64:ff9b::7f00:1] [64:ff9b::10.0.0.1] [64:ff9b:1::1] [100::1] [2001::1] [2001:db8::1]
[2002:7f00:1::] [2002:c0a8:101::1] [3fff::1] [5f00::1] [fc00::1] [fd00:ec2::254] [fe80::1] [fe80::1%25eth0]
[fec0::1] [ff02::1] [::1%lo] [127.0.0.1] [1] []
localhost LOCALHOST localhost. app.localhost local printer.local router router.lan nas.home.arpa
metadata.google.internal
kubernetes.default.svc a.default.svc.cluster.local db.corp intranet x.intranet x.private x.home x.test
x.invalid
x.example x.onion postgres nats identity
""".split()
SHAPES = """
http://hooks.acme.com/ ftp://hooks.acme.com/ //hooks.acme.com/ hooks.acme.com https:hooks.acme.com
https:/hooks.acme.com
https:///hooks.acme.com https:// https://? https://:443/ javascript:alert(1) file:///etc/passwd gopher://a.com/
https://user@hooks.acme.com/ https://user:pass@hooks.acme.com/ https://hooks.acme.com@127.0.0.1/
https://127.0.0.1@hooks.acme.com/ https://hooks.acme.com:80/ https://hooks.acme.com:22/ https://hooks.acme.com:5432/
https://hooks.acme.com:0/ https://hooks.acme.com:65536/ https://hooks.acme.com:443443/ https://hooks.acme.com:/
https://hooks.acme.com:+443/ https://hooks.acme.com:4_43/ https://hooks.acme.com/#fragment
https://hooks.acme.com#@b.com/
https://hooks.acme.com\\@127.0.0.1/ https://hooks.acme.com\\.b.com/ https://127.0.0.1\\@hooks.acme.com/
https://hooks%2eacme.com/ https://%31%32%37.0.0.1/ https://hooks..acme.com/ https://.acme.com/ https://-a.acme.com/
https://a-.acme.com/ https://a_b.acme.com/ https://hööks.acme.com/ https://\uff11\uff12\uff17.0.0.1/ https://①②⑦.0.0.1/
https://127。0。0。1/ https://[::1/ https://::1/ https://[::1]x/ https://[hooks.acme.com]/ https://hooks.acme.com[::1]/
https://hooks.acme.com/ä https://hooks.acme.com;127.0.0.1/ https://hooks.acme.com,127.0.0.1/
https://hooks.acme.com&x=1/ https://0x7f.acme.0x1/ https://acme.com.1/
""".split()
SPACED = [
    "https://hooks.acme.com/ x",
    " https://hooks.acme.com/",
    "https://hooks.acme.com/\n",
    "https://a.com\t/",
    "",
]
LONG = [f"https://{'a' * 64}.acme.com/", f"https://{'a.' * 130}com/"]


@pytest.mark.parametrize("url", [*(f"https://{host}/" for host in INSIDE), *SHAPES, *SPACED, *LONG])
def test_what_is_inside_or_ambiguous_is_refused_with_the_same_words(url: str) -> None:
    with pytest.raises(BadValue) as refused:
        Destinations([443, 8443]).check(url)

    assert str(refused.value) == (
        "must be an https URL of a public host on port 443 or 8443, in ASCII, without user name and fragment"
    )


@pytest.mark.parametrize(
    ("url", "destination"),
    [
        ("https://hooks.acme.com", Destination("hooks.acme.com", 443)),
        ("HTTPS://Hooks.Acme.com/in?a=b&c=%20", Destination("hooks.acme.com", 443)),
        ("https://hooks.acme.com:8443/in", Destination("hooks.acme.com", 8443)),
        ("https://xn--hks-5qa.acme.com?x", Destination("xn--hks-5qa.acme.com", 443)),
        ("https://8.8.8.8/", Destination("8.8.8.8", 443)),
        ("https://[2606:4700::1111]:443/", Destination("[2606:4700::1111]", 443)),
    ],
)
def test_public_hosts_are_allowed(url: str, destination: Destination) -> None:
    assert Destinations([443, 8443]).check(url) == destination


def test_operators_can_allow_networks_and_ports() -> None:
    destinations = Destinations([8444], ["127.0.0.0/8"])

    assert destinations.check("https://127.0.0.1:8444/").port == 8444
    assert destinations.connection_allowed("127.0.0.9")
    assert not destinations.connection_allowed("10.0.0.1")


def test_a_long_url_is_refused_for_its_length() -> None:
    with pytest.raises(BadValue, match="2048"):
        Destinations([443]).check(f"https://hooks.acme.com/{'a' * 2048}")

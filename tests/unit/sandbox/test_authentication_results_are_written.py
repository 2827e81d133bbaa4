from sandbox.mailbox.authentication_results import authentication_results
from sandbox.mailbox.dmarc import DmarcVerdict
from sandbox.mailbox.judge import DkimVerdict, Envelope, Judgement, SpfVerdict


def test_an_email_cannot_forge_a_result() -> None:
    forged = 'a"\r\n; dmarc=pass header.from=b'
    envelope = Envelope("203.0.113.10", "helo.example.com", forged, ("to@example.com",))
    judgement = Judgement(
        dkim=(DkimVerdict(forged, forged, "fail", reason=f"(why) {forged}"),),
        spf=SpfVerdict("none", "example.com"),
        dmarc=DmarcVerdict("fail", "example.com"),
    )

    header = authentication_results("mx.example.com", judgement, envelope)

    lines = header.split("\r\n")
    assert [line.strip().split(" ")[0] for line in lines] == [
        "mx.example.com;",
        "dkim=fail",
        "spf=none",
        "dmarc=fail",
    ]
    assert lines[2].endswith(r'smtp.mailfrom="a\"; dmarc=pass header.from=b";')

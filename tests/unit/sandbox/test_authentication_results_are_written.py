from sandbox.mailbox.authentication_results import authentication_results
from sandbox.mailbox.dmarc import DmarcResult
from sandbox.mailbox.evaluate import DkimResult, Envelope, Evaluation, SpfResult


def test_an_email_cannot_forge_a_result() -> None:
    forged = 'a"\r\n; dmarc=pass header.from=b'
    envelope = Envelope("203.0.113.10", "helo.example.com", forged, ("to@example.com",))
    evaluation = Evaluation(
        dkim=(DkimResult(forged, forged, "fail", reason=f"(why) {forged}"),),
        spf=SpfResult("none", "example.com"),
        dmarc=DmarcResult("fail", "example.com"),
    )

    header = authentication_results("mx.example.com", evaluation, envelope)

    lines = header.split("\r\n")
    assert [line.strip().split(" ")[0] for line in lines] == [
        "mx.example.com;",
        "dkim=fail",
        "spf=none",
        "dmarc=fail",
    ]
    assert lines[2].endswith(r'smtp.mailfrom="a\"; dmarc=pass header.from=b";')

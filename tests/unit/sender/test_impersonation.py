"""Names that are protected on the shared sender, in every known disguise, and names that are allowed."""

import pytest

from chassis.config import ConfigError, load
from services.sender.config import Shared
from services.sender.model.impersonation import RESERVED, ProtectedNames
from services.sender.model.lookalikes import is_of_one_script, skeleton, skeletons, squeezed

NAMES = ProtectedNames(
    domain="send.e2a.dev",
    reserved=["chief"],
    brands=["PayPal", "Acme Bank", "ING", "\u0421\u0431\u0435\u0440"],
)

PROTECTED_LOCAL_PARTS = [
    *sorted(RESERVED), "chief", "b1lling", "bil-ling", "biling", "bi11ing", "BILLING", "billlling",
    "b.i.l.l.i.n.g", "acme.support", "supp0rt", "support2", "24support", "$upport", "$ecurity",
    "agent+support", "customersupport", "adm!n", "adm|n", "vvebmaster", "inf0", "info!", "info1", "1nfo",
    "n0-reply", "noreply", "do_not.reply", "acc0unts", "upd4te", "team-request", "TEAM-REQUEST", "paypal",
    "p4yp4l", "paypa1", "pay-pal", "mypaypal.agent", "ing", "x.ing", "1ng", "acme-bank", "e2a", "the.e2a",
    "inbox.mnexa.ai", "bank.com", "x+bank.com", "x=bank.com", "a.co.uk", "stripe.com.", "via",
]  # fmt: skip
ALLOWED_LOCAL_PARTS = [
    "agent", "agent+1", "ada", "ada.lovelace", "hello", "john.doe", "team-a", "robot_7", "information",
    "testing", "newton", "bot", "x", "agent.smith", "pat.obrien", "0", "orders", "v1.2",
]  # fmt: skip
PROTECTED_NAMES = [
    "", "!!!", "Support", "SUPPORT", "The Support Team", "S u p p o r t", "Sup-port", "Supp0rt",
    "BillingSupport", "Customer Service Department", "Operator", "Official Support", "PayPal",
    "PayPal Inc.", "P\u00e4yp\u00e4l", "Paypa1", "PaypaI", "Pay Pal", "Pay\u00adPal",
    "\U0001d5e3\U0001d5ee\U0001d606\U0001d5e3\U0001d5ee\U0001d5f9", "\uff30\uff41\uff59\uff30\uff41\uff4c",
    "\u0440\u0430\u0443\u0440\u0430\u04cf", "Su\u0440\u0440ort", "\u03a1\u0391\u03a5\u03a1\u0391L", "ING",
    "I.N.G.", "ING Direct", "Acme Bank AG", "e2a", "E 2 A", "\u0441\u0431\u0435\u0440",
    "\u0421\u0431\u0435\u0440\u0431\u0430\u043d\u043a", "mnexa.ai", "Inbox mnexa.ai", "bank\u3002com",
    "bank\uff0ecom", "bank\u2024com", "ceo@bank.com", "<ceo>", "Acme via Stripe", "Acme\u202e", "\u13aacme",
    "A\u200bcme", "x" * 201,
]  # fmt: skip
ALLOWED_NAMES = [
    "Mnexa", "Acme", "Acme Services Ltd", "Acme Support", "Maple", "Testing Co", "St. Louis Co",
    "A.B. Foods", "Ørsted", "Łódź Sp. z o.o.", "Müller & Söhne", "株式会社", "Газпром", "Ελλάδα", "سلام",
    "नमस्ते", "42 GmbH", "tenant-7",
]  # fmt: skip


@pytest.mark.parametrize("local_part", PROTECTED_LOCAL_PARTS)
def test_a_disguised_local_part_is_detected(local_part: str) -> None:
    assert NAMES.takes_local_part(local_part)


@pytest.mark.parametrize("local_part", ALLOWED_LOCAL_PARTS)
def test_an_ordinary_local_part_is_allowed(local_part: str) -> None:
    assert not NAMES.takes_local_part(local_part)


@pytest.mark.parametrize("name", PROTECTED_NAMES)
def test_a_disguised_name_is_detected(name: str) -> None:
    assert NAMES.takes_name(name)


@pytest.mark.parametrize("name", ALLOWED_NAMES)
def test_an_ordinary_name_is_allowed(name: str) -> None:
    assert not NAMES.takes_name(name)


def test_lookalike_texts_have_the_same_skeleton() -> None:
    assert skeleton("B1l-LING") == skeleton("billing") == skeleton("\u0412\u0456lling")
    assert skeletons("rnodern vvays") == ("rnodernvvays", "modemways")
    assert squeezed("") == ""
    assert squeezed("bookkeeper") == "bokeper"
    assert is_of_one_script("日本語 Kana カナ")
    assert not is_of_one_script("A\u0430")


def test_a_brand_without_letters_is_rejected() -> None:
    with pytest.raises(ConfigError, match="'-' has fewer than two letters"):
        load(Shared, {"LETTERHEAD_PROTECTED_BRANDS": "PayPal, -"})


def test_the_settings_protect_brand_domain_and_words() -> None:
    settings = load(
        Shared,
        {
            "LETTERHEAD_SHARED_BRAND": "Carrier",
            "LETTERHEAD_SHARED_RESERVED": "chief",
            "LETTERHEAD_PROTECTED_BRANDS": "PayPal, Acme Bank",
        },
    )
    shared = settings.sender("send.example-mail.com")

    assert all(map(shared.protected.takes_name, ["Carrier", "Example Mail", "acmebank", "PayPal", "Chief"]))

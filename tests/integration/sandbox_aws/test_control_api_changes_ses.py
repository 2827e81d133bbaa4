"""The control API of SES: inspecting and changing its state."""

import aiohttp

from tests.integration.sandbox_aws.world import World

NAME = "inbox.mnexa.ai"


async def refused(world: World, method: str, path: str, body: object) -> tuple[int, str]:
    """Return the status and the message of a control API call that fails."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, world.control_url + path, json=body) as answer,
    ):
        return answer.status, (await answer.json())["error"]


async def test_an_identity_shows_when_dkim_and_mail_from_were_verified(world: World) -> None:
    world.publish_dkim(NAME, await world.create(NAME))
    pending = await world.sees(NAME, "SUCCESS", "PENDING")
    world.publish_mail_from(NAME)
    shown = await world.sees(NAME, "SUCCESS", "SUCCESS")

    assert pending["mail_from"]["seen_at"] is None
    assert shown["created_at"] < shown["dkim"]["seen_at"] < shown["mail_from"]["seen_at"]


async def test_a_forced_status_overrides_dns_until_it_is_released(world: World) -> None:
    await world.verified(NAME)

    await world.control("PATCH", f"/ses/identities/{NAME}", {"dkim_status": "FAILED"})
    await world.verified("other.mnexa.ai")
    held = await world.identity(NAME)
    await world.control("PATCH", f"/ses/identities/{NAME}", {"dkim_status": None})

    assert held["DkimAttributes"]["Status"] == "FAILED"
    assert not held["VerifiedForSendingStatus"]
    await world.sees(NAME, "SUCCESS")


async def test_ses_can_return_contradictory_results(world: World) -> None:
    await world.create(NAME)
    overrides = {
        "verified_for_sending": True,
        "verification_status": "SUCCESS",
        "tags": {"owner": "someone else"},
    }

    await world.control("PATCH", f"/ses/identities/{NAME}", overrides)

    identity = await world.identity(NAME)
    assert identity["VerifiedForSendingStatus"]
    assert (identity["VerificationStatus"], identity["DkimAttributes"]["Status"]) == ("SUCCESS", "PENDING")
    assert identity["Tags"] == [{"Key": "owner", "Value": "someone else"}]


async def test_time_can_pass_for_a_single_identity(world: World) -> None:
    await world.create(NAME)
    await world.create("other.mnexa.ai")

    await world.control("POST", f"/ses/identities/{NAME}/age", {"seconds": 73 * 3600})

    await world.sees(NAME, "FAILED")
    assert (await world.identity("other.mnexa.ai"))["DkimAttributes"]["Status"] == "PENDING"


async def test_reserved_dkim_tokens_survive_recreation_of_the_identity(world: World) -> None:
    reserved = (await world.control("PUT", f"/ses/identities/{NAME}/tokens"))["tokens"]

    first = await world.create(NAME)
    await world.ses("delete_email_identity", EmailIdentity=NAME)
    again = await world.create(NAME)

    assert first["DkimAttributes"]["Tokens"] == again["DkimAttributes"]["Tokens"] == reserved


async def test_seeded_identities_have_real_keys_and_can_be_verified_at_once(world: World) -> None:
    seeded = await world.control(
        "POST", "/ses/identities/seed", {"names": [NAME], "verified": True, "tag": None}
    )

    (shown,) = seeded["identities"]
    answer = await world.internet.resolve(f"{shown['tokens'][0]}.dkim.amazonses.com", "TXT")
    assert answer.values[0].startswith("v=DKIM1;")
    assert shown["mail_from_domain"] == f"send.{NAME}"
    assert (shown["dkim_status"], shown["mail_from_status"], shown["tags"]) == ("SUCCESS", "SUCCESS", {})
    assert await world.send(f"agent@{NAME}", "somebody@customer.com")


async def test_account_settings_can_be_changed(world: World) -> None:
    change = {
        "production_access": False,
        "enforcement_status": "PROBATION",
        "max_send_rate": 3,
        "max_24_hour_send": -1,
    }

    await world.control("PATCH", "/ses/account", change)

    account = await world.ses("get_account")
    assert (account["ProductionAccessEnabled"], account["EnforcementStatus"]) == (False, "PROBATION")
    assert account["SendQuota"] == {"Max24HourSend": -1.0, "MaxSendRate": 3.0, "SentLast24Hours": 0.0}


async def test_invalid_calls_get_an_error_message(world: World) -> None:
    await world.create(NAME)
    identity = f"/ses/identities/{NAME}"

    answers = [
        await refused(world, "PATCH", "/ses/identities/missing.com", {"dkim_status": "FAILED"}),
        await refused(world, "PATCH", identity, {"dkim_status": "SPLENDID"}),
        await refused(world, "PATCH", identity, {"colour": "red"}),
        await refused(world, "PATCH", identity, ["dkim_status"]),
        await refused(world, "POST", "/ses/faults", {"operation": "SendEmail", "kind": "explode"}),
        await refused(world, "POST", "/events/faults", {"kind": "explode"}),
        await refused(world, "POST", "/events/inject", {"event_type": "Open", "message_id": "unknown"}),
        await refused(world, "POST", "/ses/identities/seed", {"names": ["not a domain!!"]}),
    ]

    assert [status for status, _ in answers] == [404, 400, 400, 400, 400, 400, 404, 400]
    assert all(message for _, message in answers)

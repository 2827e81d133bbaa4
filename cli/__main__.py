"""The `letterhead` command: start it all, play the story, and call the services by hand."""

import logging
from datetime import datetime
from pathlib import Path
from typing import Annotated

import boto3
import structlog
import typer
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.config import Aws, load
from chassis.events.authorization import permissions
from cli import aws_setup, calls, links, ownership, sandbox_commands, settling
from cli.doctor.everything import look_at_everything
from cli.ending import USAGE, end, run
from cli.nkeys import generate_keys, write_keys
from cli.tenants import tenants
from letterhead.sender.v1.emails_pb2 import Address, Attachment, Email, ListEmailsRequest, SendEmailRequest

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
domains = typer.Typer(no_args_is_help=True, help="Claim domains, see their records, watch them turn green.")
emails = typer.Typer(no_args_is_help=True, help="See what became of emails.")
suppressions = typer.Typer(no_args_is_help=True, help="See and change the suppression list.")
sandbox = typer.Typer(no_args_is_help=True, help="Play the customer and the reader, on the pretend Internet.")
events = typer.Typer(no_args_is_help=True, help="Listen to events on NATS.")
for name, group in (
    ("domains", domains),
    ("tenants", tenants),
    ("emails", emails),
    ("suppressions", suppressions),
    ("events", events),
    ("sandbox", sandbox),
):
    app.add_typer(group, name=name)

Limit = Annotated[int, typer.Option(min=1, max=1000, help="At most so many, newest first.")]


@app.command()
def up(
    *,
    replicas: Annotated[
        int, typer.Option(min=1, max=4, envvar="REPLICAS", help="Processes of each service.")
    ] = 1,
    free_ports: Annotated[
        bool, typer.Option("--free-ports", help="Any free ports, not the documented ones.")
    ] = False,
) -> None:
    """Start everything on this machine, in the foreground, until Ctrl-C."""
    run(sandbox_commands.up(replicas, free_ports=free_ports))


@app.command()
def demo() -> None:
    """Play the whole story: a domain turns green, an email arrives as its own, a bounce comes back."""
    run(sandbox_commands.demo())


@app.command()
def send(
    *,
    sender: Annotated[str, typer.Option("--from", help="An address of one of your domains.")],
    to: Annotated[list[str], typer.Option(help="A recipient; may be given again.")],
    subject: Annotated[str, typer.Option(help="The subject.")],
    text: Annotated[str, typer.Option(help="The plain text body.")] = "",
    html: Annotated[str, typer.Option(help="The HTML body.")] = "",
    at: Annotated[
        datetime | None, typer.Option(help="When to hand it over, in UTC; otherwise at once.")
    ] = None,
    attach: Annotated[
        list[Path] | None, typer.Option(exists=True, dir_okay=False, help="A file; may be given again.")
    ] = None,
    request_id: Annotated[str, typer.Option(help="Makes a retry safe.")] = "",
) -> None:
    """Send one email."""
    send_time = Timestamp()
    if at:
        send_time.FromDatetime(at)
    request = SendEmailRequest(
        to=[Address(address=each) for each in to],
        subject=subject,
        text=text,
        html=html,
        attachments=[Attachment(file_name=each.name, content=each.read_bytes()) for each in attach or []],
        send_time=send_time if at else None,
        request_id=request_id,
    )
    getattr(request, "from").address = sender
    run(calls.send_email(request))


@app.command()
def doctor(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the findings as JSON, for programs.")
    ] = False,
) -> None:
    """Look at every part of an installation, and tell what is wrong and what to do.

    Changes nothing. Ends with 0 when all is well, 1 when something is wrong, 3 when something is away.
    """
    run(look_at_everything(as_json=as_json))


@app.command()
def account() -> None:
    """Tell whether the SES account can send, at what rate, and what to do when it cannot."""
    run(calls.show_account())


@app.command("aws-setup")
def set_up_aws(
    name: Annotated[
        str, typer.Option(help="Of configuration set, topic and queue: `NAME`, `NAME-feedback`.")
    ] = "letterhead",
    https_url: Annotated[
        str,
        typer.Option(help="SNS endpoint of webhooks, `https://…/sns`; the queue takes what it misses."),
    ] = "",
) -> None:
    """Make what SES's events come back by: configuration set, topic, queue. Reads LETTERHEAD_AWS_*."""
    run(_set_up_aws(name, https_url))


async def _set_up_aws(name: str, https_url: str) -> None:
    aws = load(Aws)
    session = boto3.Session(region_name=aws.aws_region)
    made = aws_setup.set_up(
        session,
        account=aws.aws_account,
        endpoint_url=aws.aws_endpoint_url,
        name=name,
        https_url=https_url,
    )
    print(f"configuration set  {made.configuration_set}\ntopic              {made.topic_arn}")
    print(f"queue              {made.queue_url}\ndead letters       {made.dead_letter_queue_url}")


@app.command("nats-keys")
def make_nats_keys(
    directory: Annotated[Path, typer.Argument(help="Where the files go; none may be there yet.")],
) -> None:
    """Generate the keys of NATS: a file with the seed of each user, and `nkeys.conf` for the servers."""
    try:
        written = write_keys(directory, generate_keys(permissions()))
    except FileExistsError as error:
        end(USAGE, f"{error.filename} exists. Choose another directory, or remove it to have new keys.")
    print("\n".join(map(str, written)))


@domains.command("list")
def list_domains(limit: Limit = 50) -> None:
    """List domains."""
    run(calls.list_domains(limit))


@domains.command("add")
def add_domain(
    name: str,
    region: Annotated[str, typer.Option(help="AWS region; empty: the installation's own.")] = "",
    label: Annotated[str, typer.Option(help="The label that bounces return to; empty: send.")] = "",
) -> None:
    """Claim a name, and print the records to publish."""
    run(calls.add_domain(name, region, label))


@domains.command("show")
def show_domain(name: str) -> None:
    """Print a domain's records, and what was seen of each."""
    run(calls.show_domain(name))


@domains.command("watch")
def watch_domain(name: str) -> None:
    """Look now, and print each change until the domain is READY."""
    run(calls.watch_domain(name))


@domains.command("delete")
def delete_domain(name: str) -> None:
    """Delete a domain."""
    run(calls.delete_domain(name))


domains.command("adopt")(ownership.adopt_domain)
domains.command("transfer")(ownership.transfer_domain)
domains.command("release")(ownership.release_domain)


@domains.command("link")
def link_domain(
    name: str,
    whom: Annotated[str, typer.Option("--for", help="Whom it is made for, for people.")] = "",
    days: Annotated[int, typer.Option(min=1, max=90, help="How long it works.")] = 30,
) -> None:
    """Make a link to a domain's page, for whoever publishes its records and has no key."""
    run(links.make_link(name, whom, days))


@domains.command("links")
def list_links(name: str) -> None:
    """List the links to a domain's page."""
    run(links.list_links(name))


@domains.command("unlink")
def revoke_link(link_id: str) -> None:
    """Revoke a link."""
    run(links.revoke_link(link_id))


@emails.command("list")
def list_emails(
    *,
    limit: Limit = 50,
    state: Annotated[
        list[str] | None, typer.Option(help="Only those in this state, like HELD; may be given again.")
    ] = None,
    tenant: Annotated[str, typer.Option(help="Another tenant's, by its id. Needs an admin key.")] = "",
    all_tenants: Annotated[
        bool, typer.Option("--all-tenants", help="Every tenant's. Needs an admin key.")
    ] = False,
) -> None:
    """List emails."""
    known = {name.removeprefix("STATE_"): value for name, value in Email.State.items() if value}
    if unknown := [each for each in state or () if each.upper() not in known]:
        end(USAGE, f"No state is called {unknown[0]}; there are {', '.join(known)}.")
    states = [known[each.upper()] for each in state or ()]
    request = ListEmailsRequest(page_size=limit, states=states, tenant_id=tenant, all_tenants=all_tenants)
    run(calls.list_emails(request))


@emails.command("show")
def show_email(email_id: str) -> None:
    """Print an email's recipients, and all that became of it, by time."""
    run(calls.show_email(email_id))


@emails.command("cancel")
def cancel_email(email_id: str) -> None:
    """Call an email back that was not handed over yet."""
    run(calls.cancel_email(email_id))


@emails.command("settle")
def settle_email(
    email_id: str,
    *,
    why: Annotated[str, typer.Option(help="Why; it stands in the email's history.")],
    sent: Annotated[bool, typer.Option("--sent", help="SES accepted it.")] = False,
    not_sent: Annotated[bool, typer.Option("--not-sent", help="SES never accepted it; end it.")] = False,
    resend: Annotated[
        bool, typer.Option("--resend", help="Send it once more, at the risk of twice.")
    ] = False,
) -> None:
    """Decide over an email of which nobody knows whether it was sent. Needs an admin key."""
    chosen = [name for name, asked in (("SENT", sent), ("NOT_SENT", not_sent), ("RESEND", resend)) if asked]
    if len(chosen) != 1:
        end(USAGE, "Give one of --sent, --not-sent and --resend.")
    run(settling.settle_email(email_id, chosen[0], why))


@emails.command("hold-all")
def hold_emails(
    *,
    why: Annotated[str, typer.Option(help="Why; it stands in each email's history.")],
    since: Annotated[datetime | None, typer.Option(help="Accepted then or later, in UTC.")] = None,
    before: Annotated[datetime | None, typer.Option(help="Accepted earlier, in UTC.")] = None,
) -> None:
    """Hold all email that waits or is of unknown outcome, of all tenants. Needs an admin key."""
    run(settling.hold_emails(since, before, why))


@suppressions.command("list")
def list_suppressions(limit: Limit = 50) -> None:
    """List suppressed addresses."""
    run(calls.list_suppressions(limit))


@suppressions.command("add")
def add_suppression(address: str, note: Annotated[str, typer.Option(help="Why, for people.")] = "") -> None:
    """Suppress an address."""
    run(calls.add_suppression(address, note))


@suppressions.command("remove")
def remove_suppression(address: str) -> None:
    """Send to an address again."""
    run(calls.remove_suppression(address))


@sandbox.command("publish")
def publish(name: str) -> None:
    """Publish a domain's records in the sandbox's DNS, as the customer would at a DNS provider."""
    run(calls.publish_records(name))


@sandbox.command("mailbox")
def mailbox(limit: Limit = 10) -> None:
    """List the newest emails in the sandbox's mailbox, as the reader sees them."""
    run(calls.list_mailbox(limit))


@events.command("tail")
def tail_events(
    *,
    everything: Annotated[bool, typer.Option("--all", help="From the oldest event kept.")] = False,
    number: Annotated[int, typer.Option(min=0, help="End after so many events; 0: never.")] = 0,
) -> None:
    """Print events as they arrive."""
    run(calls.tail_events(number, everything=everything))


def main() -> None:
    """Runs the command; what the chassis logs in this process is told in the command's own words instead."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    app(prog_name="letterhead")


if __name__ == "__main__":
    main()

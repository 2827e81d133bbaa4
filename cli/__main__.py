"""Run Letterhead on this machine; manage domains, email and tenants; check an installation."""

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
from cli import aws_setup, calls, links, ownership, resolving, sandbox_commands
from cli.doctor.everything import check_everything
from cli.ending import USAGE, end, run
from cli.nkeys import generate_keys, write_keys
from cli.tenants import tenants
from letterhead.sender.v1.emails_pb2 import Address, Attachment, Email, ListEmailsRequest, SendEmailRequest

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
domains = typer.Typer(
    no_args_is_help=True, help="Add domains, show their DNS records, and watch their verification."
)
emails = typer.Typer(no_args_is_help=True, help="List, show, cancel and resolve emails.")
suppressions = typer.Typer(no_args_is_help=True, help="Show and change the suppression list.")
sandbox = typer.Typer(no_args_is_help=True, help="Publish DNS records and read email in the sandbox.")
events = typer.Typer(no_args_is_help=True, help="Print events from NATS.")
for name, group in (
    ("domains", domains),
    ("tenants", tenants),
    ("emails", emails),
    ("suppressions", suppressions),
    ("events", events),
    ("sandbox", sandbox),
):
    app.add_typer(group, name=name)

Limit = Annotated[int, typer.Option(min=1, max=1000, help="Maximum number of results, newest first.")]


@app.command()
def up(
    *,
    replicas: Annotated[
        int, typer.Option(min=1, max=4, envvar="REPLICAS", help="Number of processes of each service.")
    ] = 1,
    free_ports: Annotated[
        bool, typer.Option("--free-ports", help="Use any free ports instead of the documented ones.")
    ] = False,
) -> None:
    """Run all services and the sandbox on this machine, in the foreground, until Ctrl-C."""
    run(sandbox_commands.up(replicas, free_ports=free_ports))


@app.command()
def demo() -> None:
    """Run the demo: verify a domain, send email from it, and handle a bounce."""
    run(sandbox_commands.demo())


@app.command()
def send(
    *,
    sender: Annotated[str, typer.Option("--from", help="The sender's address, at one of your domains.")],
    to: Annotated[list[str], typer.Option(help="A recipient; repeat for more.")],
    subject: Annotated[str, typer.Option(help="The subject.")],
    text: Annotated[str, typer.Option(help="The plain text body.")] = "",
    html: Annotated[str, typer.Option(help="The HTML body.")] = "",
    at: Annotated[datetime | None, typer.Option(help="When to send it, in UTC; default: now.")] = None,
    attach: Annotated[
        list[Path] | None,
        typer.Option(exists=True, dir_okay=False, help="A file to attach; repeat for more."),
    ] = None,
    request_id: Annotated[
        str, typer.Option(help="Idempotency key: repeating a request with the same id sends nothing new.")
    ] = "",
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
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check every part of an installation; report problems and how to fix them.

    Changes nothing. Exits with 0 if all checks pass, 1 if one fails, 3 if a component is unreachable.
    """
    run(check_everything(as_json=as_json))


@app.command()
def account() -> None:
    """Show whether the SES account can send, its rate and quota, and what to do if it cannot."""
    run(calls.show_account())


@app.command("aws-setup")
def set_up_aws(
    name: Annotated[
        str, typer.Option(help="Name of the configuration set; topic and queue are named `NAME-feedback`.")
    ] = "letterhead",
    https_url: Annotated[
        str,
        typer.Option(
            help="HTTPS endpoint of webhooks, `https://…/sns`; the queue gets what cannot be posted."
        ),
    ] = "",
) -> None:
    """Create the configuration set, topic and queue for SES's events. Reads LETTERHEAD_AWS_* settings."""
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
    directory: Annotated[
        Path, typer.Argument(help="Directory for the files; existing files are not overwritten.")
    ],
) -> None:
    """Generate the NATS keys: one seed file per user, and `nkeys.conf` for the servers."""
    try:
        written = write_keys(directory, generate_keys(permissions()))
    except FileExistsError as error:
        end(
            USAGE,
            f"{error.filename} exists. Choose another directory, or remove the file to generate new keys.",
        )
    print("\n".join(map(str, written)))


@domains.command("list")
def list_domains(limit: Limit = 50) -> None:
    """List domains."""
    run(calls.list_domains(limit))


@domains.command("add")
def add_domain(
    name: str,
    region: Annotated[str, typer.Option(help="AWS region; default: the installation's.")] = "",
    label: Annotated[str, typer.Option(help="Label of the MAIL FROM subdomain; default: send.")] = "",
) -> None:
    """Add a domain and print the DNS records to publish."""
    run(calls.add_domain(name, region, label))


@domains.command("show")
def show_domain(name: str) -> None:
    """Show a domain's DNS records and the status of each."""
    run(calls.show_domain(name))


@domains.command("watch")
def watch_domain(name: str) -> None:
    """Check a domain's DNS records now, and print each change until the domain is READY."""
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
    whom: Annotated[str, typer.Option("--for", help="A note on who the link is for.")] = "",
    days: Annotated[int, typer.Option(min=1, max=90, help="Days until the link expires.")] = 30,
) -> None:
    """Create a link to a domain's page, so that someone without an API key can publish its DNS records."""
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
        list[str] | None, typer.Option(help="Only emails in this state, such as HELD; repeat for more.")
    ] = None,
    tenant: Annotated[str, typer.Option(help="Id of another tenant. Requires an admin key.")] = "",
    all_tenants: Annotated[
        bool, typer.Option("--all-tenants", help="Emails of all tenants. Requires an admin key.")
    ] = False,
) -> None:
    """List emails."""
    known = {name.removeprefix("STATE_"): value for name, value in Email.State.items() if value}
    if unknown := [each for each in state or () if each.upper() not in known]:
        end(USAGE, f"Unknown state {unknown[0]}. Use one of {', '.join(known)}.")
    states = [known[each.upper()] for each in state or ()]
    request = ListEmailsRequest(page_size=limit, states=states, tenant_id=tenant, all_tenants=all_tenants)
    run(calls.list_emails(request))


@emails.command("show")
def show_email(email_id: str) -> None:
    """Show an email's recipients and its history."""
    run(calls.show_email(email_id))


@emails.command("cancel")
def cancel_email(email_id: str) -> None:
    """Cancel an email that is not submitted to SES yet."""
    run(calls.cancel_email(email_id))


@emails.command("settle")
def resolve_email(
    email_id: str,
    *,
    why: Annotated[str, typer.Option(help="The reason, recorded in the email's history.")],
    sent: Annotated[bool, typer.Option("--sent", help="SES accepted it.")] = False,
    not_sent: Annotated[
        bool, typer.Option("--not-sent", help="SES did not accept it; do not send it.")
    ] = False,
    resend: Annotated[
        bool, typer.Option("--resend", help="Send it again, at the risk of sending it twice.")
    ] = False,
) -> None:
    """Resolve an email whose outcome is unknown. Requires an admin key."""
    chosen = [name for name, given in (("SENT", sent), ("NOT_SENT", not_sent), ("RESEND", resend)) if given]
    if len(chosen) != 1:
        end(USAGE, "Give exactly one of --sent, --not-sent and --resend.")
    run(resolving.resolve_email(email_id, chosen[0], why))


@emails.command("hold-all")
def hold_emails(
    *,
    why: Annotated[str, typer.Option(help="The reason, recorded in each email's history.")],
    since: Annotated[
        datetime | None, typer.Option(help="Only email accepted at this time or later, in UTC.")
    ] = None,
    before: Annotated[
        datetime | None, typer.Option(help="Only email accepted before this time, in UTC.")
    ] = None,
) -> None:
    """Hold all waiting email and email of unknown outcome, of all tenants. Requires an admin key."""
    run(resolving.hold_emails(since, before, why))


@suppressions.command("list")
def list_suppressions(limit: Limit = 50) -> None:
    """List suppressed addresses."""
    run(calls.list_suppressions(limit))


@suppressions.command("add")
def add_suppression(address: str, note: Annotated[str, typer.Option(help="A note on why.")] = "") -> None:
    """Add an address to the suppression list."""
    run(calls.add_suppression(address, note))


@suppressions.command("remove")
def remove_suppression(address: str) -> None:
    """Remove an address from the suppression list."""
    run(calls.remove_suppression(address))


@sandbox.command("publish")
def publish(name: str) -> None:
    """Publish a domain's records in the sandbox's DNS, as a customer would at a DNS provider."""
    run(calls.publish_records(name))


@sandbox.command("mailbox")
def mailbox(limit: Limit = 10) -> None:
    """List the newest emails in the sandbox's mailbox, as a recipient sees them."""
    run(calls.list_mailbox(limit))


@events.command("tail")
def tail_events(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Start at the oldest retained event.")] = False,
    number: Annotated[int, typer.Option(min=0, help="Exit after this many events; 0: never.")] = 0,
) -> None:
    """Print events as they arrive."""
    run(calls.tail_events(number, everything=everything))


def main() -> None:
    """Run the command line. Only errors are logged, because commands report problems themselves."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    app(prog_name="letterhead")


if __name__ == "__main__":
    main()

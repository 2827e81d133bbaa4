"""The expiry of the certificates that a process uses is measured, also of those that changed or are gone."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from prometheus_client import REGISTRY

from chassis.certificates import EXPIRY, measure_grpc, measure_postgres, measured_nats
from chassis.config import Postgres, Secret, Tls
from tests.integration.chassis.certificates import Authority


def at(url: str, *, ca: str | None = None) -> Postgres:
    return Postgres(database_url=Secret(url), database_tls_ca=Secret(ca) if ca else None)


def measured(certificate: str) -> float | None:
    return REGISTRY.get_sample_value(
        "letterhead_certificate_expiry_timestamp_seconds", {"certificate": certificate}
    )


def ends(path: Path) -> float:
    end: datetime = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    return end.timestamp()


def test_the_files_are_read_again_each_time(tmp_path: Path) -> None:
    old, new = Authority().issue(tmp_path / "old"), Authority().issue(tmp_path / "new")
    files: dict[str, Any] = {"certificate": old.certificate, "key": old.key, "ca": old.ca}
    measure_grpc(Tls(**{f"grpc_{name}_file": path for name, path in files.items()}))
    assert (measured("grpc"), measured("grpc_ca")) == (ends(old.certificate), ends(old.ca))

    old.certificate.write_bytes(new.certificate.read_bytes())
    old.ca.write_text("not a certificate")
    assert (measured("grpc"), measured("grpc_ca")) == (ends(new.certificate), 0)

    old.certificate.unlink()
    assert measured("grpc") == 0


def test_a_chain_ends_with_its_first_certificate_and_a_bundle_with_its_last(tmp_path: Path) -> None:
    first = Authority().issue(tmp_path / "first")
    later = Authority(lasts=timedelta(days=9)).issue(tmp_path / "later")
    both = tmp_path / "both.pem"
    both.write_bytes(first.certificate.read_bytes() + later.certificate.read_bytes())

    measure_postgres(
        at(f"postgresql://sender@db/letterhead?sslcert={both}&sslrootcert={both}&sslmode=verify-full")
    )

    assert measured("postgres") == ends(first.certificate)
    assert measured("postgres_ca") == ends(later.certificate)


def test_the_ca_that_verifies_postgres_is_measured(tmp_path: Path) -> None:
    issued = Authority(lasts=timedelta(days=3)).issue(tmp_path / "issued")
    EXPIRY.clear()  # of the files of other tests

    measure_postgres(at("postgresql://sender@db/letterhead", ca=issued.ca.read_text()))

    assert measured("postgres_ca") == ends(issued.ca)


def test_a_process_without_certificates_measures_none() -> None:
    before = measured("postgres")

    measure_postgres(at("postgresql://sender@db/letterhead"))
    measure_grpc(Tls(grpc_plaintext=True))

    assert measured("postgres") == before


def test_the_ca_of_nats_is_measured_when_it_is_read(tmp_path: Path) -> None:
    files = Authority().issue(tmp_path)

    measured_nats(files.ca.read_text())

    assert measured("nats_ca") == ends(files.ca)

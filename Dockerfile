# One image for every service; the command names which: `python -m services.identity`, `python -m chassis.migrate`,
# `letterhead doctor` and the other commands for operators.
# Runs as any user, on a read-only root, and writes nothing.

FROM python:3.13-slim AS base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1

# What the services import, and nothing that builds or tests.
FROM base AS packages
COPY requirements/runtime.txt /tmp/
RUN python -m venv /venv && /venv/bin/pip install -qq --require-hashes --no-deps -r /tmp/runtime.txt

# The contract, as Python.
FROM base AS contract
WORKDIR /build
COPY requirements/embedded.txt requirements/
RUN python -m venv .venv && .venv/bin/pip install -qq --require-hashes --no-deps -r requirements/embedded.txt
COPY scripts/protos scripts/
COPY protos protos
RUN scripts/protos

FROM base
LABEL org.opencontainers.image.title="letterhead" org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /letterhead
COPY --from=packages /venv /venv
COPY --from=contract /build/gen gen
COPY schema schema
COPY chassis chassis
COPY services services
COPY cli cli
RUN printf '#!/bin/sh\nexec python -P -m cli "$@"\n' > /usr/local/bin/letterhead && chmod 755 /usr/local/bin/letterhead
ENV PATH=/venv/bin:$PATH PYTHONPATH=/letterhead:/letterhead/gen
RUN python -m compileall -q .
USER 65532:65532
STOPSIGNAL SIGTERM
CMD ["python", "-c", "raise SystemExit('name a service: python -m services.identity')"]

# The image of both parts: the operator (`lbctl run`) and the speaker (`python3 -m speaker`).
# BASE is any image with Python 3.11 or later and its venv module.
ARG BASE=python:3.13-slim

FROM ${BASE} AS dependencies
# pip comes from a throw-away environment, so that /opt/lbctl never has one.
RUN python3 -m venv /tmp/pip && python3 -m venv --without-pip /opt/lbctl
COPY requirements.txt /tmp/requirements.txt
# The root file system is read-only when the image runs, so bytecode is made here. With unchecked
# hashes it stays valid whatever a copy does to the times of files.
RUN --mount=type=cache,target=/root/.cache/pip \
    /tmp/pip/bin/pip --python /opt/lbctl/bin/python3 install --quiet --disable-pip-version-check \
        --require-hashes --only-binary=:all: --no-compile --requirement /tmp/requirements.txt \
    && /opt/lbctl/bin/python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/lbctl/lib
# `lbctl` and `python3 -m speaker` find the code from any directory.
RUN /opt/lbctl/bin/python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
        | { read -r site && echo /app > "$site/lbctl.pth"; } \
    && printf '%s\n' '#!/opt/lbctl/bin/python3' 'import sys' 'from lbctl.cli.main import main' \
        'sys.exit(main())' > /opt/lbctl/bin/lbctl \
    && chmod 755 /opt/lbctl/bin/lbctl

FROM dependencies AS application
COPY lbctl /app/lbctl
COPY speaker /app/speaker
RUN cd /app && /opt/lbctl/bin/python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash .

FROM ${BASE}
LABEL org.opencontainers.image.title="lbctl" \
      org.opencontainers.image.description="A LoadBalancer controller for Kubernetes on bare metal" \
      org.opencontainers.image.licenses="MIT"
# USER is a name for whoever asks: the user below has no entry in /etc/passwd, and kopf wants one.
ENV PATH=/opt/lbctl/bin:/usr/local/bin:/usr/bin:/bin \
    USER=lbctl \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
COPY --from=dependencies /opt/lbctl /opt/lbctl
COPY --from=application /app /app
WORKDIR /app
# The operator's user. The chart runs the speaker as 0 with NET_RAW as its only capability.
USER 65532:65532

# The server's image: `docker build --tag hourbank .`. It runs `server.py serve --aws` as a user without rights, and
# writes nothing to its disk, so that it may be mounted read-only.
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS built
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /srv/hourbank
COPY requirements-server.txt ./
# Wheels only, each with the hash that the lock has for it: nothing is compiled, no script of a package runs.
RUN python -m venv venv \
    && venv/bin/python -m pip install --no-cache-dir --no-compile --disable-pip-version-check \
        --require-hashes --no-deps --only-binary=:all: --requirement requirements-server.txt \
    && venv/bin/python -m pip uninstall --yes --quiet pip setuptools
COPY server.py ./
COPY models models
COPY resolvers resolvers
COPY schema schema
COPY workflows workflows
# Compiled once here: no container can write them, and each would compile them again when it starts. Checked by their
# hash, because the times of copied files are not kept everywhere.
RUN venv/bin/python -m compileall -q --invalidation-mode unchecked-hash venv/lib models resolvers schema workflows

FROM python:${PYTHON}
RUN groupadd --system --gid 10001 hourbank \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin hourbank
WORKDIR /srv/hourbank
COPY --from=built /srv/hourbank /srv/hourbank
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOURBANK_HOST=0.0.0.0 PORT=8000
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["venv/bin/python", "-c", "import os; from http.client import HTTPConnection as C; c = C('127.0.0.1', int(os.environ['PORT']), timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["venv/bin/python", "server.py"]
CMD ["serve", "--aws"]

# The server, for production beside a PostgreSQL of its own (see docker-compose.yml). Builds run in this container: what an
# application's commands need (a compiler, node, …) goes into an image made FROM this one.
FROM python:3.13-slim

RUN apt-get update \
 && apt-get install -y --no-install-recommends git openssh-client \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --user-group --home-dir /var/lib/tiangong --shell /usr/sbin/nologin tiangong \
 && install -d -o tiangong -g tiangong -m 0700 /var/lib/tiangong

WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock

COPY domain ./domain
COPY application ./application
COPY projections ./projections
COPY adapters ./adapters
COPY api ./api
RUN python -m compileall -q domain application projections adapters api

USER tiangong
ENV TIANGONG_HOME=/var/lib/tiangong TIANGONG_HOST=0.0.0.0 PYTHONUNBUFFERED=1
VOLUME /var/lib/tiangong
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["python", "-m", "api.cli"]
CMD ["up"]

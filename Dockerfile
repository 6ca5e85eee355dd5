# The service from its wheel: no compiler, no source, no root in what runs. Build it in this folder:
#   docker build -t aiops-processor .
FROM python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv /opt/aiops
# What changes seldom first: a change of the source does not install everything anew.
COPY requirements.txt ./
RUN /opt/aiops/bin/pip install --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN pip wheel --no-deps --wheel-dir /wheels . \
    && /opt/aiops/bin/pip install --no-deps /wheels/*.whl \
    && /opt/aiops/bin/python -m compileall -q /opt/aiops/lib

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/aiops-processor --create-home aiops
COPY --from=build /opt/aiops /opt/aiops
ENV PATH=/opt/aiops/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    API_HOST=0.0.0.0 API_PORT=8000 AIOPS_DATA_DIR=/var/lib/aiops-processor
USER 10001
WORKDIR /var/lib/aiops-processor
VOLUME /var/lib/aiops-processor
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['API_PORT']}/health/ready\", timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["aiops", "serve"]

# The demo: two shops, a help center and a Pavior emulator. `docker compose up` runs it.
# This file is linted (`make lint`). No engine ran it when it was made.
FROM python:3.13-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1
WORKDIR /demo

COPY constraints.txt ./
RUN pip install --no-cache-dir --constraint constraints.txt --upgrade pip

COPY pyproject.toml README.md LICENSE _pavior_pytest_plugin.py ./
COPY pavior_middleware pavior_middleware
RUN pip install --no-cache-dir --constraint constraints.txt --editable . --group demo

COPY demo demo
COPY example_flask example_flask
COPY example_starlette example_starlette
COPY example_help_center example_help_center

USER 65534:65534
EXPOSE 8000 8001 8002 8003
CMD ["python", "-m", "demo", "--host", "0.0.0.0"]

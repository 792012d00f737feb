# The gateway as an image: Node, this package with its production dependencies, no shell. How to use it: docs/install.md.
#   docker build -t stickyroute .
FROM node:22-slim AS build
WORKDIR /src
COPY . .
# The packed tarball has what the package has, and nothing of the workshop; the lock file says which dependencies.
RUN npm ci --ignore-scripts --no-audit --no-fund \
 && npm pack --pack-destination /tmp \
 && mkdir /app \
 && tar -xzf /tmp/stickyroute-*.tgz -C /app --strip-components=1 \
 && cp package-lock.json /app/ \
 && cd /app \
 && npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM gcr.io/distroless/nodejs22-debian12:nonroot
LABEL org.opencontainers.image.title="stickyroute" \
      org.opencontainers.image.description="A session-affinity gateway" \
      org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production
COPY --from=build /app /app
WORKDIR /etc/stickyroute
# `nonroot` of the base image; a number, so that Kubernetes can see that it is not root.
USER 65532
# Requests, and the port of `monitor`.
EXPOSE 8080 9901
STOPSIGNAL SIGTERM
# Asks the port of `monitor`: the configuration needs the key.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["/nodejs/bin/node", "/app/dist/cli/main.js", "health"]
ENTRYPOINT ["/nodejs/bin/node", "/app/dist/cli/main.js"]
CMD ["up", "-c", "/etc/stickyroute/stickyroute.yaml"]

# The image of Weir: compiled JavaScript and the few packages it needs at run time, as a user without rights.
# Build:  docker build -t weir .
# Run:    docker run -v ./weir.yaml:/etc/weir/weir.yaml:ro -p 80:80 weir

FROM node:26-slim AS build
WORKDIR /weir
COPY package.json package-lock.json .npmrc ./
COPY tools tools
COPY scripts scripts
RUN node scripts/setup.mjs
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run --silent build

FROM node:26-slim
ENV NODE_ENV=production
WORKDIR /weir
COPY package.json package-lock.json .npmrc ./
COPY tools tools
RUN npm ci --omit=dev && npm cache clean --force
COPY bin bin
COPY config config
COPY --from=build /weir/dist dist
RUN ln -s /weir/bin/weir /usr/local/bin/weir
USER node
# Reads the same file as the process does, to find the admin address in it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["weir", "status"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["weir"]
CMD ["run", "/etc/weir/weir.yaml"]

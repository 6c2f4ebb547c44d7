// The part of docs/configuration.md about what keeps requests, servers and Weir itself safe: limits and the queue, retries,
// passive health, protection from clients, persistence. The options are described where they are declared; the examples are
// checked by a test.

export const protectionGuide = `### Limits and the queue

\`max_connections\` bounds what is on a server, on all servers of a backend, on a frontend and on the process, exactly and over
all workers. In http mode a server and a backend count requests in flight, in tcp mode connections. What does not fit on the
servers waits, first in first out, in the queue of the backend; a route or a frontend of high \`priority\` goes first.

\`\`\`yaml
frontends:
  web:
    bind: :80
    routes:
      - { path: /checkout, backend: app, priority: high }
    backend: app

backends:
  app:
    max_connections: 250            # all servers together
    max_connections_per_server: 100
    queue: { max: 500, timeout: 2s }
    servers:
      one: 10.0.0.1:3000
      two: 10.0.0.2:3000
      small: { address: 10.0.0.3:3000, max_connections: 20 }
\`\`\`

Past the limit of the process, or of a frontend, new connections are left unread until others end. When the event loop
falls behind or memory runs short (\`global.overload\`), a share of the requests gets 503 at once, so that the rest is served
in time; paths in \`never_shed\` and networks in \`clients.exempt\` are spared. More: [Limits and queues](limits-and-queues.md).

### Retries

A request whose server could not be reached, or broke off before a byte of its answer, goes to another server: when nothing
of it was sent, or when its method may be repeated and its body, if it has one, is still here. \`retry\` adds answers and
timeouts to that. The budget keeps retries from multiplying the load on servers that are failing anyway. More:
[Retries](retries.md).

\`\`\`yaml
backends:
  app:
    servers: [10.0.0.1:3000, 10.0.0.2:3000, 10.0.0.3:3000]
    retries: 2
    retry:
      on: [closed, timeout, 502, 503]
      body: 64KiB
    timeouts:
      server_response: 2s
      request: 5s                   # for all tries together
\`\`\`

### Servers that fail

Health checks see what they ask for. \`ejection\` looks at real traffic: a server with five failures in a row is out for
ten seconds, then for twenty, and so on, but never the last one, and no more than half of them. It is on unless it is
turned off. \`circuit_breaker\` is about the backend as a whole, and off unless it is turned on.

\`\`\`yaml
backends:
  app:
    ejection: { failures: 3, error_ratio: 30%, latency: 4 }
    circuit_breaker:
      error_ratio: 60%
      fallback: static              # or an answer of your own
    servers: [10.0.0.1:3000, 10.0.0.2:3000, 10.0.0.3:3000]
  search:
    circuit_breaker:
      answer: { status: 200, content_type: application/json, body: '{"results": []}' }
    servers: [10.0.1.1:3000, 10.0.1.2:3000]
  static:
    ejection: off
    servers: [10.0.2.1:8080]
\`\`\`

### Clients

Rules about clients are those of their address, as Weir sees it: behind another proxy all of them have the address of that
one. A source is an address of IPv4, or the /64 of an address of IPv6, unless \`prefix4\` and \`prefix6\` say otherwise. More:
[Protection](protection.md).

\`\`\`yaml
defaults:
  clients:
    exempt: [10.0.0.0/8, 192.0.2.7]     # monitoring

frontends:
  web:
    bind: :80
    backend: app
    clients:
      deny: [198.51.100.0/24, '2001:db8:bad::/48']
      connections: 100
      connection_rate: 20/s
      request_rate: { rate: 50/s, burst: 200 }
      tarpit: 2s
    methods: [GET, HEAD, POST]
    normalize_path: { encoded_separators: refuse }
    limits: { body: 10MiB }
    never_shed: /healthz
  office:
    bind: :8081
    backend: app
    clients:
      allow: [203.0.113.0/24, 10.0.0.0/8]

backends:
  app:
    servers: [10.0.0.1:3000, 10.0.0.2:3000]
\`\`\`

The burst of a rate is what may come at once. Unless it is said, it is what comes in a second (\`100/s\`: 100), and of a rate by
the minute or the hour a tenth of its number (\`30/m\`: 3, \`5000/h\`: 500), at least 1. Sources are remembered in one table,
of \`global.sources\` entries; those that were not seen for longest give way.

### Persistence

Most applications need none: \`balance\` with a key comes without memory. Where a client has to stay on the server where it
began, there are three ways. A server that drains keeps its sessions and gets no new ones; sessions of a server that is down
move to another one, unless \`strict\`.

| Written | A session is |
|---|---|
| \`cookie: NAME\` | a cookie that names the server. Nothing has to be remembered, so it works over several Weirs and restarts |
| \`app_cookie: NAME\` | the value of a cookie that servers set themselves. Learnt from their responses |
| \`table: client\`, \`table: header:X-User\` | whatever has this part in common, as in a [key](#keys) |

\`\`\`yaml
frontends:
  web:
    bind: :80
    routes:
      - { path: /java, backend: java }
      - { path: /api, backend: api }
    backend: app
  mail:
    mode: tcp
    bind: :993
    backend: mail

backends:
  app:
    persistence: SERVERID               # {cookie: SERVERID}
    servers: [10.0.0.1:3000, 10.0.0.2:3000]
  java:
    persistence: { app_cookie: JSESSIONID, idle: 2h }
    servers: [10.0.1.1:8080, 10.0.1.2:8080]
  api:
    persistence:
      cookie: { name: route, samesite: strict, max_idle: 1h, max_life: 12h }
      strict: true
    servers: [10.0.2.1:3000, 10.0.2.2:3000]
  mail:
    persistence: { table: client, idle: 30m, entries: 20000 }
    servers: [10.0.3.1:993, 10.0.3.2:993]
\`\`\`

The value of the cookie is a hash of the server's name under a key, so that it tells nobody how servers are called. The key
follows from the name of the backend, and is the same on every machine. With a \`key_file\` of secret bytes, nobody can verify a
guess of a server's name either; give all machines the same one. More: [Persistence](persistence.md).
`

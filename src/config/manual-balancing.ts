// The part of docs/configuration.md about balancing: a line for each algorithm, then examples of keys, tiers, zones and
// the rules for bad times. The options themselves are described where they are declared; the examples are checked by a test.
import { balancerNames, type BalancerName } from '../model/balancers.ts'
import { readers } from './schema-balance.ts'

/** What each algorithm does, for people who choose one. */
const words: Readonly<Record<BalancerName, string>> = {
  adaptive:
    'the server with the least requests in flight for its weight, its speed and its failures. Slow servers get less, failing ones next to nothing',
  leastconn: 'the fewest requests in flight (http) or open connections (tcp) for the weight. For long sessions',
  p2c: 'the less busy of two servers drawn by weight. For very many servers',
  roundrobin: 'each in turn, by weight, whatever its load',
  random: 'drawn by weight, whatever its load',
  'peak-ewma': 'the less costly of two: recent latency, which rises at once and falls slowly, times requests in flight',
  hash: 'requests with one key go to one server. When a server leaves, hardly any keys of the others move',
  affinity: 'as `hash`, but a key leaves a server that is too busy, slow or failing',
  first: 'the first server up to its limit, then the second, and so on. For as few busy servers as possible',
  source: '`hash` on the address of the client',
}

const algorithms = balancerNames.map((name) => {
  const options = Object.entries(readers).filter(([, names]) => names.has(name))
  return `| \`${name}\` | ${words[name]} | ${options.map(([option]) => `\`${option}\``).join(', ')} |`
})

export const balancingGuide = `### Choosing a server

\`balance\` is the name of an algorithm, or a map with its options. Weights count in all of them. Without it, \`adaptive\` chooses.
[Choosing a balancer](choosing-a-balancer.md) says which is for what, and what each does when a server is slow or fails.

| Algorithm | Chooses | Options |
|---|---|---|
${algorithms.join('\n')}

\`\`\`yaml
defaults:
  balance: p2c

backends:
  app:
    balance: adaptive           # all of what defaults say of balance is left aside
    servers: [10.0.0.1:3000, 10.0.0.2:3000]
  batch:
    balance: { algorithm: first, limit: 20 }
    servers: [10.0.1.1:3000, 10.0.1.2:3000]
\`\`\`

A balancer of your own is named by its file, \`balance: { file: ./my-balancer.ts }\`, with a path from the folder of the
configuration file. It may read all the options, and gets a key.

### Keys

\`hash\` and \`affinity\` send requests with the same key to the same server. A key is one part or several:

| Written | Requests have in common |
|---|---|
| \`client\` | the address of the client |
| \`uri\`, \`path\` | the target with its query, or without |
| \`header:X-User\`, \`cookie:sid\`, \`query:id\` | the value of a header field, a cookie, a parameter |
| \`sni\` | the server name that the client asks for in its TLS handshake |

\`\`\`yaml
frontends:
  web:
    bind: :80
    routes:
      - { path: /static, backend: files }
      - { path: /basket, backend: baskets }
    backend: app
  tls:
    mode: tcp                   # TLS is passed on; the name is read on the way
    bind: :443
    backend: by-name

backends:
  files:                        # a cache: one file, one server
    balance: { algorithm: affinity, key: path }
    servers: [10.0.0.1:3000, 10.0.0.2:3000]
  baskets:
    balance: { algorithm: hash, key: [header:X-Tenant, cookie:sid] }
    servers: [10.0.1.1:3000, 10.0.1.2:3000]
  app:                          # a client is its network: 256 addresses of IPv4, a /56 of IPv6
    balance:
      algorithm: source
      key: { source: client, prefix4: 24, prefix6: 56 }
    servers: [10.0.2.1:3000, 10.0.2.2:3000]
  by-name:
    balance: { algorithm: hash, key: sni }
    servers: [10.0.3.1:443, 10.0.3.2:443]
\`\`\`

Without a \`key\` it is \`client\`. Of an IPv6 address 64 bits count unless \`prefix6\` says otherwise, since a host takes new
addresses within its /64 from day to day. In tcp mode there is \`client\` and \`sni\`, and nothing else. Parts count as they
are received, percent-encoding and all; a request that has none of them goes to any server.

### Backups and tiers

Servers of tier 0 come first; \`backup: true\` means tier 1, and there can be more. While a tier and those below it have
\`min_healthy\` healthy servers together, the next tier gets nothing.

\`\`\`yaml
backends:
  app:
    min_healthy: 2
    servers:
      here1: 10.0.0.1:3000
      here2: 10.0.0.2:3000
      here3: 10.0.0.3:3000
      spare: { address: 10.0.1.1:3000, backup: true }     # helps when fewer than two are healthy
      far: { address: 192.0.2.1:3000, tier: 2 }           # when that is not enough either
\`\`\`

### Zones

\`global.zone\` says where this Weir stands, \`zone\` where a server does. Servers of the same zone get all the traffic while
their weight is at least an even share of what is healthy: with three zones, a third. Below that, all zones get it.

\`\`\`yaml
global:
  zone: \${AZ:-eu-central-1a}     # from the environment

backends:
  app:
    servers:
      a1: { address: 10.0.0.1:3000, zone: eu-central-1a }
      a2: { address: 10.0.0.2:3000, zone: eu-central-1a }
      b1: { address: 10.0.1.1:3000, zone: eu-central-1b }
\`\`\`

### Slow start, panic, subsets

A server that joins or comes back gets little at first, so that it can warm its caches. When most servers are down, \`panic\`
sends traffic to all of them again, since the few that are left would fall next. \`subset\` keeps many Weirs with very many
servers from all connecting to all.

\`\`\`yaml
defaults:
  slow_start: 30s
  panic: 50%

backends:
  app:
    servers: [10.0.0.1:3000, 10.0.0.2:3000]
  fixed:
    slow_start: 0s              # all of its weight at once
    panic: 0                    # what is down gets nothing, ever
    subset: 20                  # of however many there are
    servers: [10.0.1.1:3000, 10.0.1.2:3000]
\`\`\`
`

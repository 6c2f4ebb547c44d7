// The words of docs/configuration.md that are not about a single option. Its examples are checked by a test.

export const guide = `# Configuration

Weir reads one YAML file, or a folder of \`*.yaml\` and \`*.yml\` files that are merged. The smallest useful one:

\`\`\`yaml
frontends:
  web:
    bind: :8080
    backend: app

backends:
  app:
    servers: [10.0.0.1:3000, 10.0.0.2:3000]
\`\`\`

Clients connect to a **frontend**; it sends each request to a **backend**; the backend chooses one of its **servers**. Check
a file before you use it:

\`\`\`console
$ weir check weir.yaml
weir.yaml: OK (1 frontend, 1 backend, 2 servers)
\`\`\`

\`weir check\` reads the files that it names too, and never opens a connection. It reports everything that is
wrong at once, with line and column, and \`--format json\` is for programs. Exit codes: 0 valid, 1 invalid, 2 wrong usage.

For completion in your editor, begin the file with this line:

\`\`\`yaml
# yaml-language-server: $schema=./weir.schema.json
\`\`\`

## A tour

Options that most frontends or backends share go into \`defaults\`; what a frontend or a backend says itself goes before it,
option by option.

\`\`\`yaml
defaults:
  balance: leastconn
  health_check: /healthz        # an http check of this path; more options under "Health check"
  timeouts:
    connect: 2s

frontends:
  web:
    bind: [':80', ':443']
    routes:                     # the first that matches wins
      - { host: api.example.com, backend: api }
      - { path: /static, backend: files }
    backend: app                # everything else
  mail:
    mode: tcp                   # connections passed on, nothing read
    bind: :587
    backend: mail

backends:
  app:
    servers: [10.0.0.1:3000, 10.0.0.2:3000]
  api:
    servers:                    # a list of servers with options ...
      - { address: 10.0.1.1:3000, weight: 2 }
      - { address: 10.0.1.2:3000, backup: true }
    timeouts:
      server_response: 10s
  files:
    servers:                    # ... or a map of names
      left: 10.0.2.1:8080
      right: 10.0.2.2:8080
    health_check: off
  mail:
    servers: [10.0.3.1:587]
    health_check: tcp           # /healthz, from the defaults, would not do here
\`\`\`

### Kinds of value

- **duration**: a number and its unit, \`500ms\`, \`2s\`, \`1m30s\`, \`1h\`, \`7d\`. A number without a unit is refused.
- **size**: bytes as a number, or with \`B\`, \`KiB\`, \`MiB\`, \`GiB\`, \`TiB\`: \`512\`, \`16KiB\`.
- **percent**: \`50%\`, or the number alone.
- **rate**: \`100/s\`, \`30/m\`, \`5000/h\`.
- **network**: \`10.0.0.0/8\`, \`2001:db8::/32\`, or an address. What is behind the prefix must be zero.
- **bind address**: \`:8080\`, \`*:8080\` or \`8080\` for all addresses of both families, \`127.0.0.1:8080\`, \`[::1]:8080\`,
  \`unix:/run/weir/web.sock\`. YAML wants quotes around what begins with \`*\` or \`[\`.
- **server address**: \`10.0.0.1:8080\`, \`app.internal:8080\`, \`[2001:db8::1]:8080\`, \`unix:/run/app.sock\`; \`https://host\` (TLS,
  port 443 unless said) and \`http://host\` (port 80 unless said).
- **file path**: relative paths start from the folder of the configuration file.
- **name**, **zone**: letters, digits, \`.\`, \`_\` and \`-\`, at most 64.

### Variables of the environment

In any value, but not in keys:

| Written | Becomes |
|---|---|
| \`\${PORT}\` | the variable; an error when it is not set |
| \`\${PORT:-8080}\` | the variable, or \`8080\` when it is not set or empty |
| \`\${CERT:?path of the certificate}\` | the variable, or an error with this text when it is not set or empty |
| \`$$\` | a dollar sign |

Messages show what the file says, never what a variable holds.

### A folder of files

With \`weir check weir.d\`, every \`*.yaml\` and \`*.yml\` file of the folder is read, in the order of their names. \`frontends\` and
\`backends\` come together by name, \`global\`, \`defaults\` and \`acme\` option by option. Where two files say the same thing, that is an
error, not a choice.
`

export const sectionIntros: Readonly<Record<string, string>> = {
  global: 'The process as a whole. All of it is optional.',
  'Access log': 'The long form of `global.access_log`.',
  defaults: 'What frontends and backends go by where they do not say otherwise. It takes these options:',
  frontends: 'A map of names to frontends.',
  'Keys of session tickets': 'The long form of `global.ticket_keys`. The short one is the path of a file of keys.',
  acme: 'The authority that certificates are ordered from, and renewed; [TLS](tls.md#ordered-by-themselves) has examples. Which ones is said where they are served, as in `certificate: {acme: www.example.com}`.',
  'External account': 'The long form of `acme.eab`.',
  'DNS challenges': 'How `acme` has records made: `hook`, or `server` with the options beside it.',
  Bind: 'The long form of a bind, for TLS, the PROXY protocol or a backend of its own on one of several.',
  'TLS of a bind':
    'The long form of `tls`; [TLS](tls.md) says how its options go together. The short one is the path of a combined PEM file.',
  'Certificate of a bind':
    'The long form of `certificate`. A map is one of four things: files (`cert`), `folder`, `store` or `acme`; for several, write a list.',
  'Client certificates': 'The options of `client_auth`.',
  HSTS: 'The long form of `hsts`; `on` is all of it at its defaults.',
  Passthrough: 'One rule of `passthrough`. It needs `sni`, `alpn`, or both, which must match then.',
  'Trusted proxies':
    'The long form of `trust`; `10.0.0.0/8` is `{networks: [10.0.0.0/8]}`. Who is not in `networks` can claim nothing.',
  'PROXY protocol':
    'The long form of `proxy_protocol`; `optional` is `{mode: optional}`. [Before and behind other proxies](#before-and-behind-other-proxies) has examples.',
  'Health endpoint':
    'The long form of `health`; `/healthz` is `{path: /healthz}`. Answers are text: `ok`, or a line for each reason why not.',
  'Condition of readiness':
    'One item of `fail_when`. A server counts when its checks see it up and nobody has taken it out.',
  'PROXY protocol to servers': 'The long form of `send_proxy`; `v1` is `{version: 1}`, and `v2` is `{version: 2}`.',
  Rate: 'The long form of `connection_rate` and `request_rate`: `100/s` is `{rate: 100/s, burst: 100}`, and `600/h` is `{rate: 600/h, burst: 60}`.',
  'Path normalization':
    'The long form of `normalize_path`. `on` is all of it at its defaults. Routes match, and servers get, what comes out.',
  Route: 'One item of `routes`.',
  backends: 'A map of names to backends. Who uses a backend decides its mode.',
  Balance:
    'The long form of `balance`; the short one is the name of an algorithm. What it says replaces `defaults.balance` as a whole. [Choosing a server](#choosing-a-server) has the algorithms.',
  'Part of a key': 'The long form of a part of `key`; `header:X-User` is `{source: header, name: X-User}`.',
  Server: 'The long form of a server. In a map of names there is no `name`.',
  'TLS to a server': 'The long form of `tls` in a backend or a server. The short one is `true` or `false`.',
  Ejection:
    'The long form of `ejection`. A server that is ejected is not down: its health checks go on, and it comes back when its time is over.',
  'Circuit breaker':
    'The long form of `circuit_breaker`; `on` is all of it at its defaults. Closed, all requests pass. Open, none does. Then some are let through, and by how they fare it closes or opens again.',
  Persistence:
    'The long form of `persistence`; the name of a cookie alone is `{cookie: NAME}`. Exactly one of `cookie`, `app_cookie` and `table`.',
  'Persistence cookie':
    'The long form of `cookie`. With `rewrite` and `prefix` the attributes are those that the server gives its cookie.',
  'Health check':
    'The long form of `health_check`. A path alone, such as `/healthz`, is `{type: http, path: /healthz}`; `tcp` and `http` are `{type: tcp}` and `{type: http}`. What is not said comes from `defaults.health_check`.',
}

export const codesIntro = `## Problems

One line each, \`file:line:column: CODE: message\`, then the line of the file. Warnings do not make a configuration invalid.

\`\`\`text
weir.yaml:14:17: BAD_DURATION: Cannot read interval: expected a duration such as "2s", got "2 secs"
  14 |       interval: 2 secs
     |                 ^^^^^^
\`\`\`
`

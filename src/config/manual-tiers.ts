// The part of docs/configuration.md about the proxies before Weir and behind it, and about change while running. The options
// are described where they are declared; the examples are checked by a test.

export const tiersGuide = `### Before and behind other proxies

Behind a load balancer, every connection comes from that one. It says who the client is in one of two ways, and is believed
only when its network is listed: anybody can send these bytes.

| In front | It says so by | Weir reads it with |
|---|---|---|
| Application or Classic Load Balancer, a CDN, another HTTP proxy | \`X-Forwarded-For\` or \`Forwarded\`, in each request | \`trust\` |
| Network Load Balancer, HAProxy in tcp mode | the PROXY protocol, once for each connection | \`proxy_protocol\` |

\`\`\`yaml
global:
  lame_duck: 20s                        # an ELB that checks every 10 s and gives up after two

frontends:
  web:                                  # behind an ALB
    bind: :8080
    behind: elb
    trust: [10.0.0.0/20, 10.0.16.0/20]  # the subnets of the ALB
    health:
      path: /healthz                    # what its target group asks for
      fail_when: { backend: app, fewer_than: 2 }
    backend: app
  mail:                                 # behind an NLB with "Proxy protocol v2" on
    mode: tcp
    bind: :993
    behind: elb
    proxy_protocol: { mode: required, from: [10.0.0.0/20, 10.0.16.0/20] }
    backend: mail
  internal:                             # a PROXY header on one bind of two
    bind:
      - :8081
      - { address: ':8082', proxy_protocol: required }
    trust: { networks: 10.0.0.0/8, field: forwarded }
    forward: { x_forwarded: replace }   # servers see the client alone, not the way it came
    backend: app

backends:
  app:
    servers: [10.0.1.1:3000, 10.0.1.2:3000, 10.0.1.3:3000]
  mail:
    send_proxy: v2                      # the mail servers read it too
    timeouts: { tunnel: 350s }
    servers: [10.0.2.1:993, 10.0.2.2:993]
\`\`\`

\`behind: elb\` presets what goes with one, and \`weir check\` warns of what does not: an idle timeout below that of the load
balancer, nobody trusted, no \`lame_duck\`.

A frontend may be there for checks alone, with \`health\` and no backend, on a port that clients cannot reach:

\`\`\`yaml
frontends:
  checks:
    bind: 127.0.0.1:8090
    health: { path: /ready, fail_when: [{ backend: app, fewer_than: 2 }, { backend: files }] }
  web:
    bind: :8080
    routes:
      - { path: /files, backend: files }
    backend: app

backends:
  app:
    servers: [10.0.1.1:3000, 10.0.1.2:3000, 10.0.1.3:3000]
  files:
    servers: [10.0.2.1:8080]
\`\`\`

### Change while running

A stop (\`SIGTERM\`) first fails readiness for \`global.lame_duck\`, then closes connections after their responses, for at most
\`global.shutdown_timeout\`. With \`global.watch\` the file is read again whenever it changes; one that is wrong changes nothing.
The sockets through which commands come are open to the user that runs Weir, and with \`global.control_group\` to a group:

\`\`\`yaml
global:
  lame_duck: 15s
  watch: true
  control_socket: /run/weir/weir.sock
  control_group: adm
  haproxy_socket: /run/weir/haproxy.sock    # for tools that speak HAProxy's runtime commands

frontends:
  web:
    bind: :8080
    backend: app

backends:
  app:
    servers: [10.0.0.1:3000, 10.0.0.2:3000]
\`\`\`
`

// A balancer of one's own in a whole Weir with two workers: traffic follows it, a change of the pool reaches it, and whatever
// it does wrong, requests are answered.
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { freePorts } from '../../src/cli/demo-stage.ts'
import { eventually } from '../support/peers.ts'
import { files, startWeir, type WeirProcess } from '../support/programs.ts'

interface Named {
  readonly name: string
  readonly port: number
  health: number
}

async function serverNamed(name: string): Promise<Named> {
  const server = http.createServer((request, response) => {
    if (request.url === '/health') response.writeHead(named.health).end()
    else response.end(name)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const named: Named = { name, port: (server.address() as AddressInfo).port, health: 200 }
  return named
}

function get(port: number, path = '/'): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get({ port, host: '127.0.0.1', path, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += String(chunk)))
      response.on('end', () => resolve(response.statusCode === 200 ? text : String(response.statusCode)))
    })
    request.on('error', reject)
  })
}

/** Answers by name of the server, or by status. */
async function spread(port: number, requests: number, path = '/'): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let i = 0; i < requests; i++) {
    const key = await get(port, path)
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}

/** A Weir over these servers, by a balancer of this text. */
async function weirBy(balancer: string, servers: readonly Named[]): Promise<{ weir: WeirProcess; admin: number }> {
  const { 'balancer.ts': file } = files({ 'balancer.ts': balancer })
  const [admin] = await freePorts(1)
  const weir = await startWeir(`
global: { workers: 2, admin: '127.0.0.1:${admin}', control_socket: CONTROL, overload: { loop_delay: 0s }, shutdown_timeout: 3s }
frontends:
  web: { bind: '127.0.0.1:0', backend: app }
backends:
  app:
    balance: { file: ${file}, key: path }
    health_check: { path: /health, interval: 100ms, timeout: 10s, rise: 1, fall: 1 }
    slow_start: 0s
    servers:
${servers.map(({ name, port }) => `      - { name: ${name}, address: '127.0.0.1:${port}' }`).join('\n')}
`)
  for (const { name } of servers) await changed(weir, name, 'up')
  return { weir, admin: admin! }
}

const changed = (weir: WeirProcess, server: string, to: string): Promise<void> =>
  eventually(`${server} ${to}`, () => weir.log().includes(`server app/${server} is ${to}`))

const faultsOf = async (admin: number): Promise<number> =>
  Number(/^weir_backend_balancer_faults_total\{backend="app"\} (\d+)$/m.exec(await get(admin, '/metrics'))![1])

const lines = (weir: WeirProcess, words: string): string[] =>
  weir
    .log()
    .split('\n')
    .filter((line) => line.includes(words))

test('traffic follows it, by the names, the key and the health of the servers', async () => {
  const servers = await Promise.all(['a', 'b', 'c'].map(serverNamed))
  const { weir, admin } = await weirBy(
    `import type { BalancerFactory } from 'weir/balance'
const create: BalancerFactory = () => ({
  pick({ n, slot, names }, key, _now, avoid) {
    for (let i = 0; i < n; i++) if (names[i] === 'b' && slot[i] !== avoid) return slot[i]!
    return n === 0 ? -1 : slot[(key >>> 0) % n]!
  },
})
export default create
`,
    servers,
  )
  const port = weir.port('web')
  expect(await spread(port, 30)).toEqual({ b: 30 })
  servers[1]!.health = 503
  await changed(weir, 'b', 'down')
  const home = await get(port, '/one')
  expect(['a', 'c']).toContain(home)
  expect(await spread(port, 20, '/one')).toEqual({ [home]: 20 })
  expect(await faultsOf(admin)).toBe(0)
})

test.each([
  ['throws', 'if (++count % 3 === 0) throw new Error("every third")', 'pick threw: every third'],
  ['answers NaN', 'if (++count % 3 === 0) return NaN', 'pick returned NaN, which is not a slot of the pool'],
  ['answers -1', 'if (++count % 3 === 0) return -1', 'pick returned -1, which is not a slot of the pool'],
])('one that %s at every third pick: all requests are answered, and it is counted and told', async (_, line, told) => {
  const servers = await Promise.all(['a', 'b'].map(serverNamed))
  const { weir, admin } = await weirBy(
    `import type { BalancerFactory } from 'weir/balance'
const create: BalancerFactory = () => {
  let count = 0
  return {
    pick({ slot }) {
      ${line}
      return slot[0]!
    },
  }
}
export default create
`,
    servers,
  )
  const counts = await spread(weir.port('web'), 120)
  expect(counts['a']! + (counts['b'] ?? 0)).toBe(120)
  expect(counts['a']!).toBeGreaterThanOrEqual(80)
  const faults = await faultsOf(admin)
  expect(faults).toBeGreaterThanOrEqual(38) // a third over both workers, less what is left of each one's last three
  expect(faults).toBeLessThanOrEqual(40)
  const said = lines(weir, 'A balancer failed')
  expect(said.length).toBeGreaterThanOrEqual(1)
  expect(said.length).toBeLessThanOrEqual(2) // once per worker and minute
  expect(said[0]).toContain(told)
  expect((await weir.status()).workers.map(({ restarts }) => restarts)).toEqual([0, 0])
})

test('one that cannot be made in the workers is replaced by leastconn', async () => {
  const servers = await Promise.all(['a', 'b'].map(serverNamed))
  const { weir } = await weirBy(
    `import { isMainThread } from 'node:worker_threads'
export default () => {
  if (!isMainThread) throw new Error('not here')
  return { pick: ({ slot }: { slot: Int32Array }) => slot[0] }
}
`,
    servers,
  )
  const counts = await spread(weir.port('web'), 40)
  expect(Object.keys(counts).toSorted()).toEqual(['a', 'b'])
  expect(lines(weir, 'Cannot use a balancer: leastconn takes its place')).toHaveLength(2)
})

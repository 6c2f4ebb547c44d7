// Sessions of the whole process: kept while its workers die, one after the other; and known to another process that has
// nothing in common with it but the configuration.
import { expect, test } from 'vitest'
import { answering, fetchOnce, pause, startServer } from '../../support/peers.ts'
import { startWeir } from '../../support/programs.ts'

async function farm(): Promise<string> {
  const ports: number[] = []
  for (const name of ['0', '1', '2']) ports.push((await startServer(answering(name))).port)
  return ports.map((port, i) => `s${i}: '127.0.0.1:${port}'`).join(', ')
}

const config = (servers: string, persistence: string): string => `
global: { workers: 2, admin: off, control_socket: CONTROL, overload: { loop_delay: 0s }, shutdown_timeout: 3s }
frontends:
  web: { bind: '127.0.0.1:0', backend: app }
backends:
  app: { health_check: off, balance: roundrobin, persistence: ${persistence}, servers: { ${servers} } }
`

const ask = async (port: number, ...lines: string[]): Promise<string> =>
  (await fetchOnce(port, ['GET / HTTP/1.1', 'Host: weir.test', 'Connection: close', ...lines, '', ''].join('\r\n')))
    .text

const users = Array.from({ length: 8 }, (_, i) => `user ${i}`)

test('a table outlives the workers', async () => {
  const weir = await startWeir(config(await farm(), '{ table: header:X-User }'))
  const port = weir.port('web')
  const homes = new Map<string, string>()
  for (const user of users) homes.set(user, (await ask(port, `X-User: ${user}`)).at(-1)!)
  expect(new Set(homes.values()).size).toBe(3)
  const check = async () => {
    for (const [user, home] of homes) {
      for (let i = 0; i < 3; i++) expect((await ask(port, `X-User: ${user}`)).at(-1), user).toBe(home)
    }
  }
  await check()
  for (const worker of [0, 1]) {
    await weir.kill(worker)
    let back = false
    while (!back) {
      const { workers } = await weir.status()
      back = workers[worker]!.restarts === 1 && workers[worker]!.state === 'listening'
      await pause(20)
    }
    await check()
  }
})

test('cookies are good at another process', async () => {
  const servers = await farm()
  const start = () => startWeir(config(servers, 'SERVERID'))
  const [here, there] = await Promise.all([start(), start()])
  const seen = new Set<string>()
  for (let i = 0; i < 9; i++) {
    const first = await ask(here.port('web'))
    const cookie = /set-cookie: ([^;]*)/i.exec(first)![1]!
    seen.add(first.at(-1)!)
    expect((await ask(there.port('web'), `Cookie: ${cookie}`)).at(-1)).toBe(first.at(-1))
  }
  expect(seen.size).toBe(3)
})

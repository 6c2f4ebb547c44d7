// Clients that stay on their server, through a whole data plane: on every worker and machine, while servers are drained, go
// down and come back, and with what the servers see of it.
import { describe, expect, test } from 'vitest'
import type { PersistenceSpec } from '../../../src/messages/snapshot.ts'
import { ADMIN_DRAIN, ADMIN_MAINT, ADMIN_READY, HEALTH_DOWN, HEALTH_UP } from '../../../src/model/states.ts'
import { createSessionMemory } from '../../../src/data/persistence/session-table.ts'
import type { TestPlane, Wish } from '../../support/data-plane.ts'
import { keyPart } from '../../support/key-parts.ts'
import {
  deadPort,
  dial,
  eventually,
  fetchOnce,
  onHead,
  reasonCount,
  startPlane,
  startServer,
} from '../../support/peers.ts'
import { hello, serverName } from '../tls/hellos.ts'
import { byCookie, byTable, tableSpec } from './requests.ts'

/** Servers that answer with their number, and keep the heads that they got. */
async function farm(count = 3, fields: (n: number) => string = () => '') {
  const heads: string[] = []
  const ports: number[] = []
  for (let n = 0; n < count; n++) {
    const answer = (head: string) => {
      heads.push(head)
      return `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n${fields(n)}\r\n${n}`
    }
    ports.push((await startServer((socket) => onHead(socket, (head) => void socket.write(answer(head))))).port)
  }
  return { heads, ports }
}

const planeFor = (servers: readonly number[], persistence: PersistenceSpec, more: Partial<Wish> = {}) =>
  startPlane({ backends: [{ servers, persistence }], ...more })

/** One request; who answered it, and the cookie that came with it. */
async function ask({ port }: TestPlane, ...lines: string[]) {
  const request = ['GET / HTTP/1.1', 'Host: weir.test', 'Connection: close', ...lines, '', ''].join('\r\n')
  const { text } = await fetchOnce(port, request)
  return {
    text,
    server: Number(text.at(-1)),
    status: Number(text.slice(9, 12)),
    cookie: /set-cookie: ([^;\r]*)/i.exec(text)?.[1] ?? null,
  }
}

/** Who answers several requests. */
async function serversFor(plane: TestPlane, times: number, ...lines: string[]): Promise<number[]> {
  const found: number[] = []
  for (let i = 0; i < times; i++) found.push((await ask(plane, ...lines)).server)
  return found
}

describe('a cookie', () => {
  test('keeps a client on its server, and no server sees it', async () => {
    const { heads, ports } = await farm()
    const plane = await planeFor(ports, byCookie())
    const seen = new Set<number>()
    for (let i = 0; i < 3; i++) {
      const { server, cookie, text } = await ask(plane)
      expect(text).toContain('Cache-Control: private\r\n')
      seen.add(server)
      expect(await serversFor(plane, 4, `Cookie: ${cookie}`)).toEqual([server, server, server, server])
      expect((await ask(plane, `Cookie: ${cookie}`)).cookie).toBe(null)
    }
    expect(seen).toEqual(new Set([0, 1, 2]))
    const { cookie } = await ask(plane)
    await ask(plane, `Cookie: a=1; ${cookie}; b=2`)
    expect(heads.at(-1)).toContain('\r\nCookie: a=1; b=2\r\n')
    expect(heads.some((head) => head.includes('SRV='))).toBe(false)
  })

  test('on one connection that is kept open, each request for itself, bodies untouched', async () => {
    let got = ''
    const server = await startServer((socket) => {
      socket.on('end', () => socket.end())
      socket.on('data', (chunk: Buffer) => {
        got += chunk.latin1Slice()
        if (got.endsWith('<end>')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
      })
    })
    const plane = await planeFor([server.port], byCookie())
    const client = await dial(plane.port)
    const post = (body: string) =>
      `POST / HTTP/1.1\r\nHost: weir.test\r\nCookie: SRV=1; a=1\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    client.write(post('one<end>'))
    await client.until('\r\n\r\n')
    client.forget().write(post('two<end>'))
    await client.until('\r\n\r\n')
    const pieces = got.split('\r\n\r\n')
    expect(pieces[1]).toMatch(/^one<end>POST/)
    expect(pieces[2]).toBe('two<end>')
    expect(got).not.toContain('SRV')
    expect(got.match(/^Cookie: a=1\r$/gm)).toHaveLength(2)
    client.socket.end()
  })

  test('is good at another worker and at another machine', async () => {
    const { ports } = await farm()
    const here = await planeFor(ports, byCookie())
    const there = await planeFor(ports, byCookie())
    for (let i = 0; i < 3; i++) {
      const { server, cookie } = await ask(here)
      expect(await serversFor(there, 3, `Cookie: ${cookie}`)).toEqual([server, server, server])
    }
  })

  test('a server that is drained keeps its clients and gets no new ones', async () => {
    const { ports } = await farm()
    const plane = await planeFor(ports, byCookie())
    const { server, cookie } = await ask(plane)
    plane.set(server, 'admin', ADMIN_DRAIN)
    expect(await serversFor(plane, 3, `Cookie: ${cookie}`)).toEqual([server, server, server])
    expect(await serversFor(plane, 6)).not.toContain(server)
    plane.set(server, 'admin', ADMIN_MAINT)
    const moved = await ask(plane, `Cookie: ${cookie}`)
    expect(moved.server).not.toBe(server)
    expect(moved.cookie).not.toBe(null)
  })

  test('when its server is down, a client goes to another and stays there', async () => {
    const { ports } = await farm()
    const plane = await planeFor(ports, byCookie())
    const { server, cookie } = await ask(plane)
    plane.set(server, 'health', HEALTH_DOWN)
    const moved = await ask(plane, `Cookie: ${cookie}`)
    expect(moved.status).toBe(200)
    expect(moved.server).not.toBe(server)
    plane.set(server, 'health', HEALTH_UP)
    expect(await serversFor(plane, 3, `Cookie: ${moved.cookie}`)).toEqual([moved.server, moved.server, moved.server])
  })

  test('the same when its server cannot be reached, before any check has noticed', async () => {
    const { ports } = await farm(2)
    const dead = await deadPort()
    const here = await planeFor([ports[0]!, dead], byCookie())
    const there = await planeFor(ports, byCookie())
    let first = await ask(there)
    while (first.server !== 1) first = await ask(there)
    const moved = await ask(here, `Cookie: ${first.cookie}`)
    expect([moved.status, moved.server]).toEqual([200, 0])
    expect(moved.cookie).not.toBe(null)
    expect(moved.cookie).not.toBe(first.cookie)
  })

  test('strict: its clients are refused while it is down', async () => {
    const { ports } = await farm()
    const plane = await planeFor(ports, { ...byCookie(), strict: true })
    const { server, cookie } = await ask(plane)
    plane.set(server, 'health', HEALTH_DOWN)
    const refused = await ask(plane, `Cookie: ${cookie}`)
    expect([refused.status, refused.cookie]).toEqual([503, null])
    expect(refused.text).toContain('session_server_down')
    expect(reasonCount(plane, 'session_server_down')).toBe(1)
    expect((await ask(plane)).status).toBe(200)
    plane.set(server, 'health', HEALTH_UP)
    expect((await ask(plane, `Cookie: ${cookie}`)).server).toBe(server)
    plane.set(server, 'admin', ADMIN_MAINT)
    expect((await ask(plane, `Cookie: ${cookie}`)).status).toBe(503)
    plane.set(server, 'admin', ADMIN_READY)
  })

  test('strict: where its server refuses connections, no other is tried', async () => {
    const { ports } = await farm(2)
    const wish = [...ports]
    const plane = await planeFor(wish, { ...byCookie(), strict: true })
    const cookies = new Map<number, string>()
    for (let i = 0; i < 2; i++) {
      const { server, cookie } = await ask(plane)
      cookies.set(server, cookie!)
    }
    const backends = [
      { servers: [await deadPort(), ports[1]!], persistence: { ...byCookie(), strict: true }, retries: 1 },
    ]
    const dead = await startPlane({ backends })
    const refused = await ask(dead, `Cookie: ${cookies.get(0)}`)
    expect([refused.status, refused.cookie]).toEqual([503, null])
    expect(refused.text).toContain('connect_refused')
    expect((await ask(dead, `Cookie: ${cookies.get(1)}`)).server).toBe(1)
  })

  test('rewrite: what the server sets says who it is', async () => {
    const { heads, ports } = await farm(3, (n) => `Set-Cookie: SRV=mine${n}; Path=/\r\n`)
    const plane = await planeFor(ports, byCookie({ mode: 'rewrite' }))
    const { server, cookie, text } = await ask(plane)
    expect(text).toMatch(/^Set-Cookie: SRV=[\w-]{16}; Path=\/\r$/m)
    expect(text).not.toContain('mine')
    expect(await serversFor(plane, 3, `Cookie: ${cookie}`)).toEqual([server, server, server])
    expect(heads.at(-1)).toContain(`Cookie: ${cookie}\r\n`)
  })

  test('prefix: the server gets what it has set', async () => {
    const { heads, ports } = await farm(3, (n) => `Set-Cookie: SRV=mine${n}; Path=/\r\n`)
    const plane = await planeFor(ports, byCookie({ mode: 'prefix' }))
    const { server, cookie } = await ask(plane)
    expect(cookie).toMatch(new RegExp(`^SRV=[\\w-]{16}~mine${server}$`))
    expect(await serversFor(plane, 3, `Cookie: ${cookie}`)).toEqual([server, server, server])
    expect(heads.at(-1)).toContain(`Cookie: SRV=mine${server}\r\n`)
  })
})

describe('a table', () => {
  const byUser = byTable({ by: [keyPart('header', { name: 'x-user' })] })
  const memory = () => ({ 0: createSessionMemory(tableSpec()) })

  test('keeps on one server what has one key, on all workers, also after one of them is gone', async () => {
    const { ports } = await farm()
    const sessions = memory()
    const first = await planeFor(ports, byUser, { sessions, workers: 3 })
    const second = await planeFor(ports, byUser, { sessions, board: first.board, worker: 1 })
    const homes = new Map<string, number>()
    for (const user of ['ann', 'bob', 'cem', 'dan', 'eve', 'fay']) {
      const { server } = await ask(first, `X-User: ${user}`)
      homes.set(user, server)
    }
    expect(new Set(homes.values()).size).toBe(3)
    const check = async (plane: TestPlane) => {
      for (const [user, home] of homes) expect(await serversFor(plane, 2, `X-User: ${user}`)).toEqual([home, home])
    }
    await check(first)
    await check(second)
    await check(await planeFor(ports, byUser, { sessions, board: first.board, worker: 2 })) // the next one to be started
  })

  test('is one for all frontends that lead to its backend, also where a worker has made it for itself', async () => {
    const { ports } = await farm()
    const plane = await planeFor(ports, byUser, { frontends: [{}, {}] })
    const other = { ...plane, port: Object.values(plane.ports)[1]! }
    for (const user of ['ann', 'bob', 'cem']) {
      const { server } = await ask(plane, `X-User: ${user}`)
      expect(await serversFor(other, 2, `X-User: ${user}`)).toEqual([server, server])
    }
  })

  test('a server that goes down loses its sessions to others; a drained one keeps them', async () => {
    const { ports } = await farm()
    const plane = await planeFor(ports, byUser, { sessions: memory() })
    const { server } = await ask(plane, 'X-User: ann')
    plane.set(server, 'admin', ADMIN_DRAIN)
    expect((await ask(plane, 'X-User: ann')).server).toBe(server)
    plane.set(server, 'health', HEALTH_DOWN)
    const moved = (await ask(plane, 'X-User: ann')).server
    expect(moved).not.toBe(server)
    plane.set(server, 'admin', ADMIN_READY)
    plane.set(server, 'health', HEALTH_UP)
    expect(await serversFor(plane, 3, 'X-User: ann')).toEqual([moved, moved, moved])
  })

  test('the cookie of the application is followed', async () => {
    let made = 0
    const { ports } = await farm(3, () => `Set-Cookie: JSESSIONID=session${made++}; Path=/\r\n`)
    const plane = await planeFor(ports, byTable({ cookie: 'JSESSIONID' }), { sessions: memory() })
    for (let i = 0; i < 4; i++) {
      const { server, cookie } = await ask(plane)
      expect(cookie).toMatch(/^JSESSIONID=session\d+$/)
      expect(await serversFor(plane, 3, `Cookie: ${cookie}`)).toEqual([server, server, server])
    }
  })
})

describe('tcp connections', () => {
  const tcp = (servers: readonly number[], persistence: PersistenceSpec): Wish => ({
    frontends: [{ mode: 'tcp' }],
    backends: [{ mode: 'tcp', servers, persistence }],
  })

  /** Servers that say who they are once they have heard something. */
  const tcpFarm = async () => {
    const ports: number[] = []
    for (const name of ['<0>', '<1>', '<2>']) {
      const server = await startServer((socket) => {
        socket.once('data', () => socket.write(name))
        socket.on('end', () => socket.end())
      })
      ports.push(server.port)
    }
    return ports
  }

  const whoAnswers = async ({ port }: TestPlane, words: string | Buffer = 'hello'): Promise<number> => {
    const client = await dial(port)
    await client.write(words).until('>')
    client.socket.end()
    await eventually('the end', () => client.ended || client.closed)
    return Number(client.text[1])
  }

  test('of one source go to one server, and to another when that is gone', async () => {
    const plane = await startPlane(tcp(await tcpFarm(), byTable({ by: [keyPart('client')] })))
    const home = await whoAnswers(plane)
    for (let i = 0; i < 3; i++) expect(await whoAnswers(plane)).toBe(home)
    plane.set(home, 'admin', ADMIN_DRAIN)
    expect(await whoAnswers(plane)).toBe(home)
    plane.set(home, 'health', HEALTH_DOWN)
    const next = await whoAnswers(plane)
    expect(next).not.toBe(home)
    plane.set(home, 'admin', ADMIN_READY)
    plane.set(home, 'health', HEALTH_UP)
    expect(await whoAnswers(plane)).toBe(next)
  })

  test('strict: they are closed while their server is down', async () => {
    const plane = await startPlane(tcp(await tcpFarm(), { ...byTable({ by: [keyPart('client')] }), strict: true }))
    const home = await whoAnswers(plane)
    plane.set(home, 'health', HEALTH_DOWN)
    const client = await dial(plane.port).catch(() => null)
    if (client !== null) expect((await client.over()).text).toBe('')
    await eventually('counted', () => reasonCount(plane, 'session_server_down') === 1)
  })

  test('of one server name go to one server', async () => {
    const plane = await startPlane(tcp(await tcpFarm(), byTable({ by: [keyPart('sni')] })))
    const homes = new Map<string, number>()
    for (const name of ['a.test', 'b.test', 'c.test']) {
      homes.set(name, await whoAnswers(plane, hello(serverName(name))))
    }
    expect(new Set(homes.values()).size).toBe(3)
    for (const [name, home] of homes) expect(await whoAnswers(plane, hello(serverName(name)))).toBe(home)
  })
})

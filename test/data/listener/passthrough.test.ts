// One port, both ways: some handshakes are Weir's own, others go on to servers untouched, with real clients and servers at
// the ends. However a hello comes, what it is not and what it is too large for, it goes one of the two ways or ends.
import { X509Certificate, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type tls from 'node:tls'
import { describe, expect, test } from 'vitest'
import { ms } from '../../../src/model/units.ts'
import type { TestPlane } from '../../support/data-plane.ts'
import { dial, eventually, get, leftovers, pause, reasonCount, startServer } from '../../support/peers.ts'
import { files, folder, program, run } from '../../support/programs.ts'
import { balanceSpec, noOverload, openFrontend } from '../../support/specs.ts'
import { extension, handshake, hello, helloBody, helloOfNode, records, serverName } from '../tls/hellos.ts'
import { IPV4, v2 } from '../proxy-protocol/vectors.ts'
import {
  SERVER_NAME,
  bothWays,
  changeRules,
  connections,
  nameOf,
  passedThrough,
  secureClient,
  shownTo,
  trickle,
} from './both-ways.ts'

const ask = async (
  port: number,
  name: string,
  ...protocols: readonly string[]
): Promise<[shown: string, text: string]> => {
  const client = await secureClient(port, name, ...protocols)
  await client.write(get()).until('from ')
  client.socket.end()
  return [shownTo(client), /from .*/.exec(client.text)![0]]
}

/** A server that says nothing. */
async function listening() {
  const pieces: Buffer[] = []
  const server = await startServer((socket) => {
    socket.on('data', (chunk: Buffer) => pieces.push(chunk)).on('end', () => socket.end())
  })
  return { server, heard: () => Buffer.concat(pieces) }
}

const failures = (plane: TestPlane): number => reasonCount(plane, 'tls_handshake')

describe('real clients', () => {
  const openssl = program('openssl')
  const curl = program('curl')

  test.skipIf(openssl === null)('openssl s_client gets the certificate of whose name it asks for', async () => {
    const { plane, port } = await bothWays()
    const shown = async (...options: string[]): Promise<string> => {
      const { stdout } = await run(openssl!, ['s_client', '-connect', `127.0.0.1:${port}`, ...options])
      return nameOf(new X509Certificate(/-----BEGIN[^]*END CERTIFICATE-----/.exec(stdout)![0]))
    }
    expect(await shown('-servername', 'b.db.test')).toBe('*.db.test')
    expect(await shown('-servername', 'B.DB.TEST', '-tls1_2')).toBe('*.db.test')
    expect(await shown('-servername', 'web.test')).toBe('web.test')
    expect(await shown('-servername', 'db.test')).toBe('web.test')
    expect(await shown('-noservername')).toBe('web.test')
    expect([passedThrough(plane), plane.board.rows[0]!.counters.frontend.handshakes[0]]).toEqual([2, 3])
  })

  test.skipIf(curl === null)('curl trusts the server, end to end, and Weir for its own name', async () => {
    const { port, wish } = await bothWays()
    const tlsWish = wish.frontends![0]!.binds![0]!.tls!
    const theirs = (await secureClient(port, SERVER_NAME)).socket as tls.TLSSocket
    const { behind, own } = files({
      behind: theirs.getPeerX509Certificate()!.toString(),
      own: tlsWish.certificates[0]!.cert,
    })
    const fetched = async (name: string, ca: string): Promise<string> => {
      const to = ['--resolve', `${name}:${port}:127.0.0.1`, `https://${name}:${port}/`]
      const { code, stdout } = await run(curl!, ['-sS', '--http1.1', '--cacert', ca, ...to])
      return code === 0 ? stdout : `error ${code}`
    }
    expect(await fetched(SERVER_NAME, behind)).toBe('from behind')
    expect(await fetched('web.test', own)).toBe('from the web')
    expect(await fetched(SERVER_NAME, own)).toBe('error 60') // it is not Weir's certificate
  })
})

describe('rules', () => {
  test('by protocol: the client offers one of them', async () => {
    const passthrough = [{ names: [], protocols: ['mqtt'], backend: 1 }]
    const { plane, port } = await bothWays({ tls: { passthrough } })
    expect(await ask(port, 'web.test', 'h2', 'mqtt')).toEqual(['*.db.test', 'from behind'])
    expect(await ask(port, SERVER_NAME, 'http/1.1')).toEqual(['web.test', 'from the web'])
    expect(await ask(port, SERVER_NAME)).toEqual(['web.test', 'from the web'])
    expect(passedThrough(plane)).toBe(1)
  })

  test('the first that matches wins, and each leads to its own backend', async () => {
    const other = await startServer((socket) => socket.end('another'))
    const passthrough = [
      { names: ['raw.db.test'], protocols: [], backend: 2 },
      { names: ['*.db.test'], protocols: [], backend: 1 },
      { names: ['x.raw.db.test'], protocols: [], backend: 2 },
    ]
    const { port } = await bothWays({ tls: { passthrough }, more: [{ mode: 'tcp', servers: [other.port] }] })
    const raw = await dial(port)
    await raw.write(hello(serverName('raw.db.test'))).until('another')
    expect((await ask(port, 'x.raw.db.test'))[1]).toBe('from behind')
  })

  test('others count from the next connection on, and a connection that is there goes on', async () => {
    const stage = await bothWays()
    const { port } = stage
    const before = await secureClient(port, SERVER_NAME)
    await before.write(get()).until('from behind')
    await changeRules(stage, [{ names: ['web.test'], protocols: [], backend: 1 }])
    expect(await ask(port, SERVER_NAME)).toEqual(['web.test', 'from the web'])
    expect(await ask(port, 'web.test')).toEqual(['*.db.test', 'from behind'])
    await before.forget().write(get()).until('from behind')
    await changeRules(stage, [])
    expect(await ask(port, 'web.test')).toEqual(['web.test', 'from the web'])
  })

  test('a hello that was being read when they changed goes by the new ones', async () => {
    const stage = await bothWays()
    const { plane, port } = stage
    const words = await helloOfNode({ servername: SERVER_NAME })
    const client = await dial(port)
    client.write(words.subarray(0, 100))
    await eventually('read', () => connections(plane).found === 1)
    await pause(30)
    await changeRules(stage, [{ names: ['other.test'], protocols: [], backend: 1 }])
    client.write(words.subarray(100))
    await eventually('an answer', () => client.received.length > 0)
    expect(passedThrough(plane)).toBe(0)
  })
})

const SIZES = [1, 2, 7, 100]

describe('however a hello comes', () => {
  test.each(SIZES)('in pieces of %d bytes', async (size) => {
    const { plane, port } = await bothWays()
    const slow = await trickle(port, size)
    expect(await ask(slow, SERVER_NAME)).toEqual(['*.db.test', 'from behind'])
    expect(await ask(slow, 'web.test')).toEqual(['web.test', 'from the web'])
    expect([passedThrough(plane), failures(plane)]).toEqual([1, 0])
  })

  test('it reaches the server unchanged, with what follows it', async () => {
    const { server, heard } = await listening()
    const { port } = await bothWays({ behind: { servers: [server.port] } })
    const message = handshake(helloBody([extension(51, randomBytes(3000)), serverName(SERVER_NAME)]))
    const words = Buffer.concat([records(message, [1, 1, 500]), randomBytes(200_000)])
    const client = await dial(port)
    client.write(words)
    await eventually('all of it', () => heard().length >= words.length)
    expect(heard().equals(words)).toBe(true)
  })

  test('slowly, but within the time for a handshake', async () => {
    const { port } = await bothWays({ frontend: { timeouts: { tlsHandshake: ms(3000) } } })
    const client = await dial(port)
    const words = await helloOfNode({ servername: SERVER_NAME })
    for (const [from, to] of [
      [0, 3],
      [3, 60],
      [60, words.length],
    ] as const) {
      client.write(words.subarray(from, to))
      await pause(150)
    }
    await eventually('an answer', () => client.received.length > 0)
    expect(client.received[0]).toBe(22) // a handshake record, no alert
  })

  test('more slowly than that: it is closed', async () => {
    const { plane, port } = await bothWays({ frontend: { timeouts: { tlsHandshake: ms(300) } } })
    const client = await dial(port)
    client.write((await helloOfNode({ servername: SERVER_NAME })).subarray(0, 90))
    await client.over()
    expect([client.received.length, passedThrough(plane), failures(plane)]).toEqual([0, 0, 1])
    expect(leftovers(plane)).toBe('')
  })

  test('and what follows it here have one time between them', async () => {
    const time = 5000
    const { plane, port } = await bothWays({ frontend: { timeouts: { tlsHandshake: ms(time) } } })
    const client = await dial(port)
    const words = await helloOfNode({ servername: 'web.test' })
    client.write(words.subarray(0, 90))
    await pause(time - 1000)
    const begun = performance.now()
    client.write(words.subarray(90))
    await client.over()
    expect(performance.now() - begun).toBeLessThan(time) // else the handshake had all of its time once more
    expect([failures(plane), leftovers(plane)]).toEqual([1, ''])
  })

  test('cut at any byte by a client that goes away', async () => {
    const { plane, port } = await bothWays()
    const words = hello(serverName(SERVER_NAME))
    const cuts = [0, 1, 4, 5, 6, 9, 10, 43, words.length - 1]
    for (const [i, cut] of cuts.entries()) {
      const client = await dial(port)
      if (cut > 0) client.write(words.subarray(0, cut))
      await pause(5)
      if (i % 2 === 0) client.socket.end()
      else client.socket.resetAndDestroy()
      await eventually('closed', () => client.closed)
    }
    await eventually('all counted', () => failures(plane) === cuts.length)
    expect([passedThrough(plane), leftovers(plane)]).toEqual([0, ''])
  })

  test('garbage gets the answer of our own handshake', async () => {
    const { plane, port } = await bothWays({ frontend: { timeouts: { tlsHandshake: ms(500) } } })
    for (const words of [get(), 'SSH-2.0-x\r\n', randomBytes(5000).fill(0, 0, 1), Buffer.of(22, 3, 1, 0, 0, 0)]) {
      const client = await dial(port)
      await client.write(words).over()
    }
    await eventually('all counted', () => failures(plane) === 4)
    expect([passedThrough(plane), leftovers(plane)]).toEqual([0, ''])
  })

  test('one of 20 KiB is not looked into, and comes to our own handshake as it is', async () => {
    const { plane, port } = await bothWays()
    const many = Array.from({ length: 80 }, (_, i) => `${i}-`.padEnd(250, 'x'))
    const own = await secureClient(port, SERVER_NAME, ...many, 'http/1.1')
    expect([shownTo(own), (own.socket as tls.TLSSocket).alpnProtocol]).toEqual(['web.test', 'http/1.1'])
    await own.write(get()).until('from the web')
    const few = await secureClient(port, SERVER_NAME, ...many.slice(0, 50), 'http/1.1') // 12 KiB
    await few.write(get()).until('from behind')
    expect(shownTo(few)).toBe('*.db.test')
    expect([passedThrough(plane), failures(plane)]).toEqual([1, 0])
  })
})

describe('behind a PROXY header', () => {
  const proxy = { mode: 'required', from: ['127.0.0.0/8'], timeout: ms(5000) } as const
  const header = v2('21 11 LLLL', IPV4)

  test.each([[1], [10_000]])(
    'its client is the client, in pieces of %d bytes, and its servers are told',
    async (size) => {
      const { server, heard } = await listening()
      const sendProxy = { version: 1, tlvs: [] } as const
      const { plane, port } = await bothWays({ bind: { proxy }, behind: { servers: [server.port], sendProxy } })
      const words = await helloOfNode({ servername: SERVER_NAME })
      const client = await dial(await trickle(port, size))
      client.write(Buffer.concat([header, words]))
      const told = Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 56004 443\r\n')
      const expected = Buffer.concat([told, words])
      await eventually('all of it', () => heard().length >= expected.length)
      expect(heard().equals(expected)).toBe(true)
      const { list } = connections(plane)
      expect(list).toMatchObject([{ address: '192.0.2.7', port: 56_004, tls: true, server: 1 }])
    },
  )

  test('names that are ours are served', async () => {
    const { port } = await bothWays({ bind: { proxy } })
    const before = await dial(port)
    before.write(header)
    const client = await dial({ socket: before.socket } as never, { servername: 'web.test' })
    await client.write(get()).until('from the web')
  })

  test('the check of a tier above that sends no hello is no failure', async () => {
    const { plane, port } = await bothWays({ bind: { proxy } })
    const client = await dial(port)
    client.write(v2('20 00 LLLL'))
    client.socket.end()
    await client.over()
    await eventually('over', () => leftovers(plane) === '')
    expect(failures(plane)).toBe(0)
  })
})

describe('a connection that passes through counts like any other', () => {
  test('in the log of its frontend, as a tcp connection', async () => {
    const target = join(folder(), 'access.log')
    const { plane, port } = await bothWays({ snapshot: { accessLog: { format: 'json', target } } })
    await ask(port, SERVER_NAME)
    await eventually('over', () => leftovers(plane) === '')
    plane.plane.reopenLog()
    await eventually('a line', () => readFileSync(target, 'utf8').includes('\n'))
    const line = JSON.parse(readFileSync(target, 'utf8')) as Record<string, unknown>
    expect(line).toMatchObject({
      frontend: 'web',
      backend: 'app1',
      server: 's1',
      tls: false,
      t_connect: expect.any(Number),
    })
    expect(line).not.toHaveProperty('status')
    const { counters } = plane.board.rows[0]!
    expect(counters.frontend.bytesIn[0]).toBe(line['bytes_in'])
    expect(counters.backend.requests[1]).toBe(1)
    expect(counters.frontend.requests[0]).toBe(0)
  })

  test('among those of the frontend, and of its source', async () => {
    const clients = { ...openFrontend.clients, connections: 1 }
    const { plane, port } = await bothWays({ frontend: { clients } })
    const first = await secureClient(port, SERVER_NAME)
    await first.write(get()).until('from behind')
    expect(plane.board.shared.frontend.connections[0]).toBe(1)
    await expect(secureClient(port, SERVER_NAME)).rejects.toThrow()
    expect(reasonCount(plane, 'source_full')).toBe(1)
    first.socket.end()
    await eventually('over', () => leftovers(plane) === '')
    expect((await ask(port, SERVER_NAME))[1]).toBe('from behind')
  })

  test('by name it keeps its server, which its bind has read already', async () => {
    const servers = [await startServer((socket) => socket.end('one')), await startServer((socket) => socket.end('two'))]
    const balance = balanceSpec('hash', {
      key: [{ source: 'sni', name: '', prefix4: 32, prefix6: 128, depth: 0, length: 0 }],
    })
    const { port } = await bothWays({ behind: { servers: servers.map((server) => server.port), balance } })
    const answered = async (name: string): Promise<string> =>
      (await (await dial(port)).write(hello(serverName(name))).over()).text
    const names = Array.from({ length: 12 }, (_, i) => `n${i}.db.test`)
    const first = await Promise.all(names.map(answered))
    expect(new Set(first)).toEqual(new Set(['one', 'two']))
    expect(await Promise.all(names.map((name) => answered(name.toUpperCase())))).toEqual(first)
  })

  test('it is shed when there is too much to do, though the frontend is one of http', async () => {
    const { plane, port } = await bothWays({ snapshot: { overload: { ...noOverload, memory: 90 } } })
    Atomics.store(plane.board.shared.process.shedding, 0, 100)
    await expect(secureClient(port, SERVER_NAME)).rejects.toThrow()
    expect([reasonCount(plane, 'overloaded'), passedThrough(plane), leftovers(plane)]).toEqual([1, 0, ''])
    Atomics.store(plane.board.shared.process.shedding, 0, 0)
  })

  test('it goes on when the worker stops, until it ends by itself', async () => {
    const { plane, port } = await bothWays()
    const client = await secureClient(port, SERVER_NAME)
    await client.write(get()).until('from behind')
    const stopped = plane.close()
    await client.forget().write(get()).until('from behind')
    client.socket.end()
    await stopped
    expect(client.error).toBe(null)
  })

  test('when no server can be reached it is reset, and says why', async () => {
    const { plane, port } = await bothWays({ behind: { servers: [] } })
    await expect(secureClient(port, SERVER_NAME)).rejects.toThrow()
    expect(reasonCount(plane, 'no_server')).toBe(1)
  })
})

test('a tcp frontend with TLS passes through too, and terminates the rest', async () => {
  const { plane, port } = await bothWays({ frontend: { mode: 'tcp' } })
  expect(await ask(port, SERVER_NAME)).toEqual(['*.db.test', 'from behind'])
  expect(await ask(port, 'web.test')).toEqual(['web.test', 'from the web'])
  expect(passedThrough(plane)).toBe(1)
})

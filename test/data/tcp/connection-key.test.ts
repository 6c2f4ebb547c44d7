// What the choice of a server for a tcp connection sticks to: the client's address and the server name of a handshake, also
// of one that passes through; and what becomes of clients that keep their name to themselves.
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createDice } from '../../../src/balance/dice.ts'
import { hashAddress, hashString } from '../../../src/balance/hash.ts'
import { Origin } from '../../../src/data/key/origin.ts'
import { connectionKeyOf } from '../../../src/data/tcp/connection-key.ts'
import { defaultBalanceOptions, type KeyPart } from '../../../src/model/balancers.ts'
import { ms } from '../../../src/model/units.ts'
import { certificateSpec } from '../../support/certificates.ts'
import { snapshotOf, type BackendWish, type FrontendWish } from '../../support/data-plane.ts'
import { keyPart } from '../../support/key-parts.ts'
import {
  deadPort,
  dial,
  eventually,
  pause,
  reasonCount,
  startPlane,
  startServer,
  type ScriptedServer,
} from '../../support/peers.ts'
import { balanceSpec } from '../../support/specs.ts'
import { handshake, hello, helloBody, extension, records, serverName } from '../tls/hellos.ts'

const backend = (balance: BackendWish['balance']) =>
  snapshotOf({ backends: [{ mode: 'tcp', servers: [], ...(balance ? { balance } : {}) }] }).backends[0]!
const sni = balanceSpec('hash', { key: [keyPart('sni')] })

describe('the key', () => {
  const keyFor = (key: readonly KeyPart[], table: 'maglev' | 'ring' = 'maglev') => {
    const made = connectionKeyOf(backend(balanceSpec('hash', { key, options: { ...defaultBalanceOptions, table } })))!
    return (address: string, name: string) => made.of(new Origin(address, name), createDice(3))
  }

  test('of an address, of a name, and of both', () => {
    expect(keyFor([keyPart('client')])('192.0.2.1', 'a.test')).toBe(hashAddress('192.0.2.1'))
    expect(keyFor([keyPart('client', { prefix4: 24 })])('192.0.2.1', '')).toBe(hashAddress('192.0.2.0'))
    expect(keyFor([keyPart('sni')])('192.0.2.1', 'A.test')).toBe(hashString('a.test'))
    const both = keyFor([keyPart('client', { prefix4: 24 }), keyPart('sni')])
    expect(both('192.0.2.1', 'a.test')).toBe(hashString('192.0.2.0\0a.test'))
    expect(both('192.0.2.1', '')).toBe(hashString('192.0.2.0\0'))
    expect(both('unknown', 'a.test')).toBe(hashString('\0a.test'))
    const md5OfA = 0xb975c10c | 0 // md5 "a" is 0cc175b9...
    expect(keyFor([keyPart('sni')], 'ring')('192.0.2.1', 'a')).toBe(md5OfA)
  })

  test('of nothing at all is by chance', () => {
    const key = connectionKeyOf(backend(sni))!
    const dice = createDice(3)
    expect(new Set(Array.from({ length: 64 }, () => key.of(new Origin('192.0.2.1', ''), dice))).size).toBe(64)
    const ofAddress = connectionKeyOf(backend(balanceSpec('source')))!
    expect(new Set(Array.from({ length: 64 }, () => ofAddress.of(new Origin('unknown', ''), dice))).size).toBe(64)
  })

  test('is made once per backend, for algorithms that follow one', () => {
    const spec = backend(sni)
    expect(connectionKeyOf(spec)).toBe(connectionKeyOf(spec))
    expect(connectionKeyOf(spec)!.usesServerName).toBe(true)
    expect(connectionKeyOf(backend(balanceSpec('source')))!.usesServerName).toBe(false)
    for (const name of ['leastconn', 'roundrobin', 'adaptive']) {
      expect(connectionKeyOf(backend(balanceSpec(name, { key: [keyPart('sni')] })))).toBe(null)
    }
  })
})

const planeFor = (servers: readonly number[], frontend: FrontendWish = {}, balance = sni) =>
  startPlane({ frontends: [{ mode: 'tcp', ...frontend }], backends: [{ mode: 'tcp', servers, balance }] })

/** Servers that say who they are once they have heard something, and keep what they heard. */
interface Listening extends ScriptedServer {
  readonly heard: Buffer[]
}
async function listening(name: string): Promise<Listening> {
  const heard: Buffer[] = []
  const server = await startServer((socket, n) => {
    heard[n] = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      if (heard[n]!.length === 0) socket.write(`<${name}>`)
      heard[n] = Buffer.concat([heard[n]!, chunk])
    })
    socket.on('end', () => socket.end())
  })
  return Object.assign(server, { heard })
}
const pair = async () => {
  const servers = [await listening('one'), await listening('two')] as const
  return { servers, ports: servers.map(({ port }) => port) }
}

/** Who answers to these bytes. */
async function whoAnswers(port: number, words: Buffer): Promise<string> {
  const client = await dial(port)
  await client.write(words).until('>')
  client.socket.end()
  await client.over()
  return client.text
}

test('a name that passes through keeps its server, and names spread over both', async () => {
  const { ports } = await pair()
  const plane = await planeFor(ports)
  const answers = new Map<string, string>()
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 16; i++) {
      const name = `app${i}.test`
      const answer = await whoAnswers(plane.port, hello(serverName(round === 1 ? name.toUpperCase() : name)))
      expect(answer).toBe(answers.get(name) ?? answer)
      answers.set(name, answer)
    }
  }
  expect(new Set(answers.values())).toEqual(new Set(['<one>', '<two>']))
})

test('a hello in many small pieces reaches its server whole and unchanged, with all that follows', async () => {
  const { servers, ports } = await pair()
  const plane = await planeFor(ports)
  const large = handshake(helloBody([extension(21, randomBytes(9000)), serverName('a.test')]))
  const words = Buffer.concat([records(large, [1, 1, 3, 800]), randomBytes(100_000)])
  const expected = await whoAnswers(plane.port, hello(serverName('a.test')))
  const client = await dial(plane.port)
  client.socket.setNoDelay(true)
  for (let at = 0, n = 1; at < words.length; at += n, n = at < 40 ? 1 : at < 9000 ? 700 : 50_000) {
    client.write(words.subarray(at, at + n))
    if (at < 9000) await pause(1)
  }
  await client.until('>')
  expect(client.text).toBe(expected)
  const server = servers[expected === '<one>' ? 0 : 1]
  await eventually('all heard', () => server.heard.at(-1)!.length === words.length)
  expect(server.heard.at(-1)!.equals(words)).toBe(true)
})

test('clients without a name, or without TLS, spread over both', async () => {
  const { ports } = await pair()
  const plane = await planeFor(ports)
  for (const words of [hello(), Buffer.from('hello there')]) {
    const answers = new Set<string>()
    for (let i = 0; i < 40 && answers.size < 2; i++) answers.add(await whoAnswers(plane.port, words))
    expect(answers).toEqual(new Set(['<one>', '<two>']))
  }
})

test('a client that waits for the server to speak first is let through when the time for a handshake is over', async () => {
  const server = await startServer((socket) => socket.write('220 welcome\r\n'))
  const plane = await planeFor([server.port], { timeouts: { tlsHandshake: ms(200) } })
  const silent = await dial(plane.port)
  await silent.until('welcome')
  const slow = await dial(plane.port)
  await slow.write(hello(serverName('a.test')).subarray(0, 20)).until('welcome')
})

test('without a name in the key nobody waits for the client to speak', async () => {
  const server = await startServer((socket) => socket.write('220 welcome\r\n'))
  const plane = await planeFor([server.port], { timeouts: { tlsHandshake: ms(60_000) } }, balanceSpec('source'))
  await (await dial(plane.port)).until('welcome')
})

test('a client that closes its side without a word still gets what the server says', async () => {
  const server = await startServer((socket) => {
    socket.on('end', () => socket.end('goodbye'))
    socket.resume()
  })
  const plane = await planeFor([server.port])
  const client = await dial(plane.port)
  client.socket.end()
  await client.over()
  expect(client.text).toBe('goodbye')
})

test('a client that goes away before it has said its name leaves nothing behind', async () => {
  const { servers, ports } = await pair()
  const plane = await planeFor(ports)
  const client = await dial(plane.port)
  client.write(hello(serverName('a.test')).subarray(0, 20))
  await pause(50)
  client.socket.resetAndDestroy()
  await eventually('counted', () => reasonCount(plane, 'client_gone') === 1)
  expect(servers.flatMap(({ sockets }) => sockets)).toEqual([])
})

test('what was read for the name goes to the next server when the first cannot be reached', async () => {
  const server = await listening('alive')
  const plane = await planeFor([await deadPort(), server.port, await deadPort()])
  const words = Array.from({ length: 6 }, (_, i) => hello(serverName(`app${i}.test`)))
  for (const each of words) expect(await whoAnswers(plane.port, each)).toBe('<alive>')
  expect(server.heard.map((each) => each.toString('hex'))).toEqual(words.map((each) => each.toString('hex')))
})

test('where Weir terminates TLS, the name is that of its own handshake', async () => {
  const { ports } = await pair()
  const certificate = await certificateSpec({ names: ['*.test'] })
  const own = {
    certificates: [certificate],
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: null,
    alpn: [],
    ticketKeys: randomBytes(48),
  } as const
  const plane = await planeFor(ports, { binds: [{ id: 'secure', tls: own }, { id: 'plain' }] })
  const answers = new Set<string>()
  for (let i = 0; i < 16; i++) {
    const name = `app${i}.test`
    const passed = await whoAnswers(plane.ports.plain!, hello(serverName(name)))
    const client = await dial(plane.ports.secure!, { servername: name })
    await client.write('hello').until('>')
    expect(client.text).toBe(passed)
    answers.add(passed)
  }
  expect(answers.size).toBe(2)
})

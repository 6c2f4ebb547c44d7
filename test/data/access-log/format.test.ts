// Lines of the access log: every field in its place, nothing that breaks a line, and the manual in step.
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { haproxyLine } from '../../../src/data/access-log/format-haproxy.ts'
import { jsonLine } from '../../../src/data/access-log/format-json.ts'
import { emptyRecord, type LogRecord } from '../../../src/data/access-log/record.ts'
import { decimalMillis } from '../../../src/data/access-log/text.ts'
import { reasonCodes } from '../../../src/model/reasons.ts'

const time = new Date(2026, 10, 22, 12, 0, 0, 123).getTime()
const request: LogRecord = {
  ...emptyRecord(),
  time,
  clientAddress: '192.0.2.7',
  clientPort: 51234,
  frontend: 'web',
  tls: true,
  backend: 'app',
  server: 'app1',
  method: 'GET',
  host: 'example.com',
  target: '/x?y=1',
  protocol: 'HTTP/1.1',
  status: 200,
  bytesIn: 310,
  bytesOut: 5120,
  requestTime: 0,
  queueTime: 0,
  connectTime: 1.24,
  responseTime: 6.96,
  totalTime: 1009.05,
  requestId: 'abc',
  processConnections: 64,
  frontendConnections: 12,
  backendInflight: 3,
  serverInflight: 1,
}
const connection: LogRecord = { ...request, mode: 'tcp', tls: false }

describe('JSON', () => {
  test('a request', () => {
    expect(JSON.parse(jsonLine(request))).toEqual({
      time: new Date(time).toISOString(),
      client: '192.0.2.7',
      client_port: 51234,
      frontend: 'web',
      tls: true,
      backend: 'app',
      server: 'app1',
      method: 'GET',
      host: 'example.com',
      path: '/x?y=1',
      protocol: 'HTTP/1.1',
      status: 200,
      request_id: 'abc',
      t_request: 0,
      t_queue: 0,
      t_connect: 1.2,
      t_response: 7,
      t_total: 1009.1,
      bytes_in: 310,
      bytes_out: 5120,
      retries: 0,
      reason: '-',
    })
  })

  test('a connection has nothing of a request', () => {
    const keys = Object.keys(JSON.parse(jsonLine(connection)) as object)
    expect(keys).not.toContain('method')
    expect(keys).toEqual(expect.arrayContaining(['time', 'client', 't_connect', 't_total', 'bytes_in', 'reason']))
  })

  test('what a client or a config may contain is read back as it was, on one line of ASCII', () => {
    const text = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) })
    const texts = fc.record({
      method: text,
      host: text,
      target: text,
      requestId: text,
      frontend: text,
      backend: text,
      server: text,
    })
    fc.assert(
      fc.property(texts, (some) => {
        const line = jsonLine({ ...request, ...some })
        expect(line).toMatch(/^[ -~]+\n$/)
        const { target, requestId, ...same } = some
        expect(JSON.parse(line)).toMatchObject({ ...same, path: target, request_id: requestId })
      }),
    )
  })

  test('numbers of any size, and every reason', () => {
    const amount = fc.integer({ min: 0, max: 2 ** 50 })
    const span = fc.oneof(fc.constant(-1), fc.double({ min: 0, max: 1e9, noNaN: true }))
    fc.assert(
      fc.property(
        amount,
        amount,
        span,
        span,
        fc.constantFrom(null, ...reasonCodes),
        fc.integer({ min: 0, max: 999 }),
        (bytesIn, bytesOut, totalTime, connectTime, reason, status) => {
          const read = JSON.parse(
            jsonLine({ ...request, bytesIn, bytesOut, totalTime, connectTime, reason, status }),
          ) as Record<string, unknown>
          expect(read).toMatchObject({ bytes_in: bytesIn, bytes_out: bytesOut, reason: reason ?? '-', status })
          expect(Math.abs((read['t_total'] as number) - totalTime)).toBeLessThan(0.051)
          expect(Math.abs((read['t_connect'] as number) - connectTime)).toBeLessThan(0.051)
        },
      ),
    )
  })

  test('the time follows the clock, forwards and back', () => {
    for (const at of [time, time + 1, time + 999, time + 60_000, time, 0, time - 86_400_000]) {
      expect(JSON.parse(jsonLine({ ...request, time: at }))).toMatchObject({ time: new Date(at).toISOString() })
    }
  })

  test('milliseconds have one decimal', () => {
    expect([-1, 0, 0.04, 0.05, 9.96, 99.94, 100, 12_345.678].map(decimalMillis)).toEqual([
      '-1',
      '0.0',
      '0.0',
      '0.1',
      '10.0',
      '99.9',
      '100.0',
      '12345.7',
    ])
  })
})

describe("HAProxy's lines", () => {
  test('httplog', () => {
    expect(haproxyLine(request)).toBe(
      '192.0.2.7:51234 [22/Nov/2026:12:00:00.123] web~ app/app1 0/0/1/7/1009 200 5120 - - ---- 64/12/3/1/0 0/0 "GET /x?y=1 HTTP/1.1"\n',
    )
  })

  test('tcplog', () => {
    expect(haproxyLine(connection)).toBe(
      '192.0.2.7:51234 [22/Nov/2026:12:00:00.123] web app/app1 0/1/1009 5120 -- 64/12/3/1/0 0/0\n',
    )
  })

  test('without backend and server, and without a request that could be read', () => {
    const refused: LogRecord = {
      ...emptyRecord(),
      time,
      clientAddress: '::1',
      clientPort: 1,
      frontend: 'web',
      status: 400,
      reason: 'bad_field',
    }
    expect(haproxyLine(refused)).toBe(
      '::1:1 [22/Nov/2026:12:00:00.123] web web/<NOSRV> -1/-1/-1/-1/-1 400 0 - - PR-- 0/0/0/0/0 0/0 "<BADREQ>"\n',
    )
  })

  test.each([
    ['client_gone', 'CD'],
    ['request_timeout', 'cR'],
    ['no_server', 'SC'],
    ['connect_timeout', 'sC'],
    ['response_timeout', 'sH'],
    ['bad_response', 'PH'],
    ['server_aborted', 'SD'],
  ] as const)('%s ends as %s', (reason, letters) => {
    expect(haproxyLine({ ...request, reason })).toContain(` ${letters}-- `)
    expect(haproxyLine({ ...connection, reason })).toContain(` ${letters} `)
  })

  test('nothing of the client breaks the line or its quotes', () => {
    expect(haproxyLine({ ...request, target: '/a"b#c\n\xff' })).toContain('"GET /a#22b#23c#0A#FF HTTP/1.1"\n')
  })
})

describe('the manual', () => {
  const manual = readFileSync(new URL('../../../docs/access-log.md', import.meta.url), 'utf8')
  const rows = [...manual.matchAll(/^\| `(\w+)` \| [^|]+ \| (http|both) \|/gm)]

  test('names every key of a JSON line, in order, and no other', () => {
    expect(rows.map(([, key]) => key)).toEqual(Object.keys(JSON.parse(jsonLine(request)) as object))
  })

  test('says which of them connections have', () => {
    const both = rows.filter(([, , mode]) => mode === 'both').map(([, key]) => key)
    expect(both).toEqual(Object.keys(JSON.parse(jsonLine(connection)) as object))
  })

  test("shows HAProxy's lines as they are", () => {
    const shown = { ...request, totalTime: 9 }
    expect(manual).toContain(haproxyLine(shown))
  })
})

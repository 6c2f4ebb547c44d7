// What arrives at a server of the requests that clients send: nothing of a bad one, and of a good one exactly itself, in a
// form that leaves no doubt; whole, cut in two at every byte, and byte by byte; alone, and behind another request.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { reasons } from '../../../src/model/reasons.ts'
import { startDataPlane, type TestPlane } from '../../support/data-plane.ts'
import {
  RecordingServer,
  cuts,
  fieldOf,
  pool,
  readResponses,
  response,
  talk,
  type SeenRequest,
} from '../../support/raw-http.ts'
import { chunkCases, framingCases } from './bad-framing.ts'
import { fieldCases } from './bad-fields.ts'
import { hostCases, limitCases, lineCases, type BadRequest } from './bad-requests.ts'
import { goodRequests, type GoodRequest } from './good-requests.ts'

const LONG = 400 // longer messages are cut only here and there
const WIDTH = 32

const server = new RecordingServer()
let plane: TestPlane

beforeAll(async () => {
  const port = await server.listen()
  plane = await startDataPlane({
    frontends: [{ forward: { xForwarded: 'preserve', requestId: 'off' } }],
    backends: [{ servers: [port] }],
  })
})
afterAll(async () => {
  await plane.close()
  await server.close()
})
beforeEach(() => {
  server.script = (request) => response(request.method === 'HEAD' ? '' : 'ok')
  server.reset()
})

const FIRST = 'GET /first HTTP/1.1\r\nHost: a\r\n\r\n'
const PROBE = 'GET /probe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
const sawProbe = (): number => server.requests.filter(({ target }) => target === '/probe').length

/** Every way to send it: whole first. */
function ways(message: string): string[][] {
  if (message.length <= LONG) return [[message], ...cuts(message)]
  const step = Math.ceil(message.length / 8)
  return [[message], message.match(new RegExp(`[^]{1,${step}}`, 'g'))!]
}

describe('a bad request', () => {
  const themes: Readonly<Record<string, readonly BadRequest[]>> = {
    'request line': lineCases,
    field: fieldCases,
    host: hostCases,
    framing: framingCases,
    limit: limitCases,
    chunk: chunkCases,
  }
  for (const [theme, cases] of Object.entries(themes)) {
    describe(theme, () => {
      test.each(cases)('%s', async (_, bytes, reason) => {
        const refused = async (pieces: readonly string[]): Promise<void> => {
          const got = readResponses(await talk(plane.port, pieces))
          expect(got.map(({ status, head }) => [status, fieldOf(head, 'x-weir-reason')])).toEqual([
            [reasons[reason].status, reason],
          ])
          expect(fieldOf(got[0]!.head, 'connection')).toBe('close')
        }
        await refused([bytes])
        expect(server.bytes, 'bytes at the server').toBe(0)

        // What comes behind it belongs to it, and so is lost with it.
        await refused([bytes + FIRST])
        expect(server.bytes, 'bytes at the server').toBe(0)

        await pool(
          ways(bytes).map((pieces) => () => refused(pieces)),
          WIDTH,
        )
        expect(server.requests, 'complete requests at the server').toEqual([])
        expect(server.violations).toEqual([])
        // A head goes on before its chunks have been seen; of all else, no cut lets a byte through.
        if (theme !== 'chunk') expect(server.bytes, 'bytes at the server').toBe(0)

        const answers = readResponses(await talk(plane.port, [FIRST + bytes + FIRST]))
        expect(answers.map(({ status }) => status)).toEqual([200, reasons[reason].status])
        expect(server.requests.map(({ target }) => target)).toEqual(['/first'])
      })
    })
  }
})

describe('a good request', () => {
  const arrived = ({ head, body }: SeenRequest) => ({ head: head.slice(0, -4), body: body.toString('latin1') })

  test.each(goodRequests.map((request) => [request.name, request] as const))('%s', async (_, request: GoodRequest) => {
    const headEnd = request.bytes.indexOf('\r\n\r\n', request.bytes.search(/[^\r\n]/))
    const wanted = {
      head: request.head?.replace('PORT', String(plane.port)) ?? request.bytes.slice(0, headEnd),
      body: request.body ?? request.bytes.slice(headEnd + 4),
    }
    const statuses = request.closes === true ? [200] : [200, 200]
    const accepted = async (pieces: readonly string[]): Promise<void> => {
      const last = pieces.at(-1)! + PROBE
      const got = readResponses(await talk(plane.port, [...pieces.slice(0, -1), last]), [request.method ?? 'GET'])
      expect(got.map(({ status }) => status)).toEqual(statuses)
    }
    const all = ways(request.bytes)
    await pool(
      all.map((pieces) => () => accepted(pieces)),
      WIDTH,
    )
    expect(server.violations).toEqual([])
    const seen = server.requests.filter(({ target }) => target !== '/probe').map(arrived)
    expect(seen[0]).toEqual(wanted)
    expect(new Set(seen.map((one) => JSON.stringify(one))).size, 'different views of one request').toBe(1)
    expect(seen.length).toBe(all.length)
    expect(sawProbe(), 'probes seen').toBe(request.closes === true ? 0 : all.length)
  })
})

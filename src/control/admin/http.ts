// A small HTTP server for the control plane: a table of routes, small answers, nothing kept alive for long. It serves the
// operator and his tools, never traffic. What the routes are is the business of control-socket.ts and admin-bind.ts.
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { ListenOptions } from 'node:net'
import type { PeerOf, PeerProcess } from '../runtime/peer-process.ts'

export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** One request, as a route gets it. */
export interface Call {
  /** What the groups of the pattern matched, decoded. */
  readonly groups: readonly string[]
  readonly query: URLSearchParams
  /** Fields of the JSON object that was sent; empty when nothing was. */
  readonly body: Readonly<Record<string, unknown>>
  readonly headers: IncomingMessage['headers']
  /** Whose process asks; null: there is no telling. */
  readonly peer: () => Promise<PeerProcess | null>
}

export interface Route {
  readonly method: 'GET' | 'POST'
  /** Matches the whole path. */
  readonly path: RegExp
  readonly answer: (call: Call) => Answer | Promise<Answer>
}

export const text = (status: number, body: string): Answer => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${body}\n`,
})
export const json = (status: number, value: unknown): Answer => ({
  status,
  type: 'application/json',
  body: `${JSON.stringify(value)}\n`,
})

/** The form of every answer to what cannot be done. */
export const jsonError = (
  status: number,
  error: string,
  expected: string | null = null,
  nearest: string | null = null,
) => json(status, { error, expected, nearest })

const MAX_BODY = 65_536

/** What a route that throws is answered with. */
export type OnError = (error: unknown) => Answer

const plain: OnError = (error) => text(500, error instanceof Error ? error.message : String(error))

/**
 * Answers by the table: 404 for what is not in it, 405 where only the method differs, and by `onError` when a route throws.
 * @param peerOf tells whose process asks
 */
export function createRoutes(routes: readonly Route[], onError: OnError = plain, peerOf: PeerOf = nobodyKnows): Server {
  return createServer(
    { requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 5_000 },
    (request, response) => {
      void respond(routes, request, { onError, peerOf }).then(({ status, type, body }) => {
        response.writeHead(status, {
          'content-type': type,
          'content-length': Buffer.byteLength(body),
          'cache-control': 'no-store',
          'x-content-type-options': 'nosniff',
        })
        response.end(request.method === 'HEAD' ? undefined : body)
      })
    },
  )
}

const nobodyKnows: PeerOf = () => Promise.resolve(null)

async function respond(
  routes: readonly Route[],
  request: IncomingMessage,
  { onError, peerOf }: { readonly onError: OnError; readonly peerOf: PeerOf },
): Promise<Answer> {
  const { method = '', url = '', headers } = request
  const at = url.indexOf('?')
  const path = at < 0 ? url : url.slice(0, at)
  const here = routes.map((route) => ({ route, match: route.path.exec(path) })).filter(({ match }) => match !== null)
  const found = here.find(({ route }) => route.method === (method === 'HEAD' ? 'GET' : method))
  if (found === undefined) {
    request.resume()
    return here.length === 0 ? text(404, 'not found') : text(405, 'method not allowed')
  }
  const sent = await read(request).catch(() => null)
  if (sent === null) return jsonError(413, `a body has at most ${MAX_BODY} bytes`)
  try {
    const query = new URLSearchParams(at < 0 ? '' : url.slice(at + 1))
    const body = objectOf(sent)
    if (body === null) return jsonError(400, 'the body is no JSON object', 'a JSON object, or nothing')
    const groups = found.match!.slice(1).map((group) => decodeURIComponent(group ?? ''))
    return await found.route.answer({ groups, query, body, headers, peer: () => peerOf(request.socket) })
  } catch (error) {
    return onError(error)
  }
}

/** @throws when it is too long, or is broken off */
async function read(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) {
    body += chunk as string
    if (body.length > MAX_BODY) throw new Error('too long')
  }
  return body
}

function objectOf(sent: string): Readonly<Record<string, unknown>> | null {
  if (sent.trim() === '') return {}
  try {
    const value = JSON.parse(sent) as unknown
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null
  } catch {
    return null
  }
}

/** @throws the error of listen(2) */
export function listen(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, () => {
      server.removeListener('error', reject)
      resolve()
    })
  })
}

/** Stops listening. Resolves when the connections that are there have ended: each after the answer that is under way. */
export function retire(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}

/** Stops listening and ends the connections that are there; an answer under way is cut off. */
export function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

// A small HTTP server for the control plane: a table of routes, small answers, nothing kept alive for long. It serves the
// operator and his tools, never traffic. What the routes are is the business of control-socket.ts and admin-bind.ts.
import { createServer, type Server } from 'node:http'
import type { ListenOptions } from 'node:net'

export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

export interface Route {
  readonly method: 'GET' | 'POST'
  /** Matches the whole path. */
  readonly path: RegExp
  /** @param groups what the groups of the pattern matched */
  readonly answer: (...groups: string[]) => Answer | Promise<Answer>
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

/** Answers by the table: 404 for what is not in it, 405 where only the method differs, 500 when a route throws. */
export function createRoutes(routes: readonly Route[]): Server {
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 5_000 },
    (request, response) => {
      request.resume() // bodies mean nothing here
      void respond(routes, request.method ?? '', request.url ?? '').then(({ status, type, body }) => {
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
  return server
}

async function respond(routes: readonly Route[], method: string, url: string): Promise<Answer> {
  const path = url.split('?', 1)[0]!
  const here = routes.map((route) => ({ route, match: route.path.exec(path) })).filter(({ match }) => match !== null)
  const found = here.find(({ route }) => route.method === (method === 'HEAD' ? 'GET' : method))
  if (found === undefined) return here.length === 0 ? text(404, 'not found') : text(405, 'method not allowed')
  try {
    return await found.route.answer(...found.match!.slice(1))
  } catch (error) {
    return text(500, error instanceof Error ? error.message : String(error))
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

/** Stops listening and ends the connections that are there; an answer under way is cut off. */
export function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

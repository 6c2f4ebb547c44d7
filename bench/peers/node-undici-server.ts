// A reverse proxy as one writes it by hand today: node:http in front, an undici Pool behind. Arguments: port, server port.
import http from 'node:http'
import { Pool } from 'undici'

const [port, serverPort] = process.argv.slice(2).map(Number)
const pool = new Pool(`http://127.0.0.1:${serverPort}`, { connections: 256, pipelining: 1 })

/** Fields that concern one connection only (RFC 9110, 7.6.1) and are not passed on. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

function forwarded(fields: http.IncomingHttpHeaders): http.OutgoingHttpHeaders {
  const kept: http.OutgoingHttpHeaders = {}
  for (const name in fields) if (!hopByHop.has(name)) kept[name] = fields[name]
  return kept
}

http
  .createServer((request, response) => {
    const headers = forwarded(request.headers)
    headers['x-forwarded-for'] = request.socket.remoteAddress
    const hasBody =
      request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined
    pool
      .stream(
        {
          path: request.url!,
          method: request.method as 'GET',
          headers: headers as Record<string, string>,
          body: hasBody ? request : null,
        },
        ({ statusCode, headers: answered }) => {
          response.writeHead(statusCode, forwarded(answered))
          return response
        },
      )
      .catch(() => {
        if (!response.headersSent) response.writeHead(502)
        response.end()
      })
  })
  .listen(port, '127.0.0.1')

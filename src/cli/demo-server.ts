// One of the demo's three servers, in a process of its own so that it can really be killed. It answers every GET with
// its name, and ends when the demo that started it is gone.
// Arguments: name, port on 127.0.0.1. Tells its parent 'listening', or ends with 1 when the port cannot be had.
import { createServer } from 'node:http'

const [name, port] = process.argv.slice(2) as [string, string]

const server = createServer((request, response) => {
  response.setHeader('X-Server', name)
  response.end(request.url === '/healthz' ? 'ok\n' : `Hello from server ${name} (process ${process.pid}).\n`)
})
server.on('error', (error: NodeJS.ErrnoException) => {
  process.send?.(error.code ?? error.message)
  process.exitCode = 1
  process.disconnect?.()
})
server.listen(Number(port), '127.0.0.1', () => process.send?.('listening'))
process.on('disconnect', () => process.exit())
process.on('SIGINT', () => {}) // Ctrl-C on a terminal reaches all of the demo: who ends is for the demo to say

// A reverse proxy with http-proxy-3 as its manual has it, with kept connections to the server. Arguments: port, server port.
import http from 'node:http'
import { createProxyServer } from 'http-proxy-3'

const [port, serverPort] = process.argv.slice(2).map(Number)
const proxy = createProxyServer({
  target: `http://127.0.0.1:${serverPort}`,
  agent: new http.Agent({ keepAlive: true }),
  xfwd: true,
})
proxy.on('error', (_error, _request, response) => {
  if ('writeHead' in response && !response.headersSent) response.writeHead(502)
  response.end()
})
http.createServer((request, response) => proxy.web(request, response)).listen(port, '127.0.0.1')

// Weir between programs that others wrote: nginx and HAProxy as servers, curl as the client. What they count as an error
// is one.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { answering, deadPort, eventually, startServer } from '../support/peers.ts'
import { files, folder, program, run, startWeir } from '../support/programs.ts'

const curl = program('curl')
const nginx = program('nginx')
const haproxy = program('haproxy')

/** Starts a program in the foreground, and waits until it listens. */
async function serve(path: string, args: readonly string[], port: number): Promise<void> {
  const child = spawn(path, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  let listens = false
  child.stderr.on('data', (chunk) => (said += String(chunk)))
  const gone = new Promise((resolve) => child.on('close', resolve))
  onTestFinished(async () => {
    child.kill('SIGTERM')
    await gone
  })
  const knock = (): void => {
    const socket = net.connect(port, '127.0.0.1', () => (listens = true))
    socket.on('error', () => setTimeout(knock, 20)).on('connect', () => socket.destroy())
  }
  knock()
  await eventually(`listening: ${said}`, () => listens)
}

const config = (port: number): string => `
global: { workers: 1, admin: off, control_socket: off }
frontends: { web: { bind: '127.0.0.1:0', backend: app } }
backends: { app: { health_check: off, servers: ['127.0.0.1:${port}'] } }
`

test.skipIf(!nginx || !curl)(
  'nginx that closes every third connection: files arrive whole, uploads too, and nothing fails',
  async () => {
    const where = folder()
    const port = await deadPort()
    const data = randomBytes(5_000_000)
    writeFileSync(`${where}/file.bin`, data)
    const user = process.getuid?.() === 0 ? 'user root;' : ''
    writeFileSync(
      `${where}/nginx.conf`,
      `${user} daemon off; master_process off; pid ${where}/pid; error_log ${where}/error.log;
     events {}
     http {
       access_log off; client_max_body_size 100m; client_body_temp_path ${where}/body; keepalive_requests 3;
       proxy_temp_path ${where}/a; fastcgi_temp_path ${where}/b; uwsgi_temp_path ${where}/c; scgi_temp_path ${where}/d;
       server { listen 127.0.0.1:${port}; root ${where}; location /hello { return 200 "hello"; } }
     }`,
    )
    await serve(nginx!, ['-p', where, '-c', `${where}/nginx.conf`], port)
    const weir = await startWeir(config(port))
    const url = `http://127.0.0.1:${weir.port('web')}`
    const { stdout } = await run(curl!, ['-s', '-w', '%{http_code} ', '-o', '/dev/null', `${url}/hello?[1-200]`])
    expect(stdout).toBe('200 '.repeat(200))
    const target = `${where}/copy`
    await run(curl!, ['-s', '-o', target, `${url}/file.bin`])
    expect(readFileSync(target).equals(data)).toBe(true)
    const range = await run(curl!, ['-s', '-r', '100-199', `${url}/file.bin`])
    expect(Buffer.from(range.stdout, 'latin1').equals(data.subarray(100, 200))).toBe(true)
    const head = await run(curl!, ['-sI', `${url}/file.bin`])
    expect(head.stdout).toContain('Content-Length: 5000000')
  },
)

test.skipIf(!haproxy || !curl)(
  'HAProxy behind Weir, with a server behind that: keep-alive, chunked uploads, nothing fails',
  async () => {
    let uploaded = 0
    const server = await startServer((socket) => {
      socket.on('data', (chunk: Buffer) => (uploaded += chunk.length))
      answering('fine')(socket)
    })
    const port = await deadPort()
    const { 'haproxy.cfg': path, body } = files({
      'haproxy.cfg': `
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 1s
  option http-buffer-request
frontend in
  bind 127.0.0.1:${port}
  default_backend out
backend out
  server one 127.0.0.1:${server.port}
`,
      body: 'x'.repeat(9000),
    })
    await serve(haproxy!, ['-f', path, '-db'], port)
    const weir = await startWeir(config(port))
    const url = `http://127.0.0.1:${weir.port('web')}`
    const { stdout } = await run(curl!, ['-s', `${url}/?[1-100]`])
    expect(stdout).toBe('fine'.repeat(100))
    const post = await run(curl!, ['-s', '-H', 'Transfer-Encoding: chunked', '--data-binary', `@${body}`, url])
    expect(post.stdout).toBe('fine')
    expect(uploaded).toBeGreaterThan(9000)
  },
)

// The servers behind the load balancers, the same for all of them and started once: nginx for fixed pages, and HAProxy for
// short answers that nginx cannot give (after reading a whole POST body; of exactly 64 bytes). Both keep connections
// open for ever, log nothing, and run on the load generator's core.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nginxFolders, nginxMain } from './peers/nginx.ts'
import { freePort, start } from './process.ts'
import type { Running } from './process.ts'
import { untilAnswering } from './load/probe.ts'

export interface Backend {
  /** Port by the name that a workload gives. */
  readonly ports: { readonly pages: number; readonly answers: number }
  stop(): Promise<void>
}

/** With Server, Date, Content-Type, Content-Length and Connection these make 16 fields, as many as a usual page has. */
const pageFields: Readonly<Record<string, string>> = {
  'Cache-Control': 'private, max-age=0, must-revalidate',
  'Last-Modified': 'Mon, 02 Nov 2026 10:20:30 GMT',
  ETag: '\\"5f2b6c3a-2f1d\\"',
  Vary: 'Accept-Encoding, Cookie',
  'Set-Cookie': 'session=8c1f0e5d2b7a4936; Path=/; Secure; HttpOnly; SameSite=Lax',
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'Content-Security-Policy': "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'strict-origin-when-cross-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
}

/** 64 bytes, the size of a short JSON answer. */
const smallBody = 'A small answer of the server behind, sixty-four bytes in length.'

function nginxConfig(folder: string, port: number): string {
  const fields = Object.entries(pageFields).map(([name, value]) => `add_header ${name} "${value}";`)
  return `${nginxMain(folder)}
http {
${nginxFolders(folder)}
  access_log off;
  sendfile on;
  default_type text/plain;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  open_file_cache max=10 inactive=1h;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${folder}/pages;
    location = /small { return 200 "${smallBody}"; }
    location = /browser { ${fields.join(' ')} return 200 "${smallBody}"; }
  }
}
`
}

/** The ping-pong answer is 38 bytes of status line, length and blank line, and 26 of padding. */
function haproxyConfig(port: number): string {
  return `
global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout http-keep-alive 1h
  option http-buffer-request
frontend answers
  bind 127.0.0.1:${port}
  http-request return status 200 content-type text/plain string ok if METH_POST
  http-request return status 200 hdr x-pad ${'p'.repeat(17)}
`
}

/** @param folder where configuration, pages and logs go */
export async function startBackend(folder: string, cores: string): Promise<Backend> {
  const ports = { pages: await freePort(), answers: await freePort() }
  mkdirSync(join(folder, 'pages'))
  writeFileSync(join(folder, 'pages', '10k'), Buffer.alloc(10 * 1024, 'x'))
  writeFileSync(join(folder, 'pages', '1m'), Buffer.alloc(1024 * 1024, 'x'))
  writeFileSync(join(folder, 'pages', '4m'), Buffer.alloc(4 * 1024 * 1024, 'x'))
  writeFileSync(join(folder, 'backend-nginx.conf'), nginxConfig(folder, ports.pages))
  writeFileSync(join(folder, 'backend-haproxy.cfg'), haproxyConfig(ports.answers))
  const output = join(folder, 'backend.log')
  const started: Running[] = [
    await start(['nginx', '-c', join(folder, 'backend-nginx.conf'), '-p', folder], { cores, output }),
    await start(['haproxy', '-db', '-f', join(folder, 'backend-haproxy.cfg')], { cores, output }),
  ]
  await untilAnswering({ port: ports.pages, path: '/small', tls: false }, started[0]!)
  await untilAnswering({ port: ports.answers, path: '/', tls: false }, started[1]!)
  return { ports, stop: async () => void (await Promise.all(started.map((each) => each.stop()))) }
}

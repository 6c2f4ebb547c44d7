// A real browser (Debian's Chromium, driven by playwright-core) that loads a page through Weir over TLS: an HTML file, a script of it,
// and what the script posts. The certificate's key is made known to it, as its own authority is not one that it knows.
import { createHash, X509Certificate } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { chromium } from 'playwright-core'
import { expect, onTestFinished, test } from 'vitest'
import { makeCertificate } from '../support/certificates.ts'
import { files, program, startWeir } from '../support/programs.ts'

const path = program('chromium')

const page =
  '<!doctype html><title>Weir</title><link rel="icon" href="data:,"><p id="said">nothing yet</p><script src="/app.js"></script>'
const script = `
fetch('/echo', { method: 'POST', body: 'x'.repeat(300000) })
  .then((answer) => answer.text())
  .then((text) => (document.getElementById('said').textContent = text))
`

/** The page, its script, and what answers the script: how much came, and by which protocol the client says that it came. */
async function startSite(): Promise<number> {
  const server = http.createServer((request, response) => {
    let length = 0
    request.on('data', (chunk: Buffer) => (length += chunk.length))
    request.on('end', () => {
      if (request.url === '/') response.setHeader('content-type', 'text/html').end(page)
      else if (request.url === '/app.js') response.setHeader('content-type', 'text/javascript').end(script)
      else response.end(`${length} bytes by ${String(request.headers['x-forwarded-proto'])}`)
    })
  })
  server.listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  await new Promise((resolve) => server.once('listening', resolve))
  return (server.address() as AddressInfo).port
}

const spkiOf = (cert: string): string =>
  createHash('sha256')
    .update(new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64')

test.skipIf(path === null)(
  'a browser loads a page over TLS 1.3, and what belongs to it',
  { timeout: 120_000 },
  async () => {
    const { cert, key } = await makeCertificate({ names: ['www.test'] })
    const { pem } = files({ pem: cert + key })
    const weir = await startWeir(`
global: { workers: 2, admin: off, control_socket: CONTROL, overload: { loop_delay: 0s } }
frontends:
  web: { bind: '127.0.0.1:0', tls: '${pem}', backend: app }
backends:
  app: { health_check: off, servers: ['127.0.0.1:${await startSite()}'] }
`)
    const browser = await chromium.launch({
      executablePath: path!,
      timeout: 60_000,
      args: [
        '--no-sandbox',
        '--host-resolver-rules=MAP www.test 127.0.0.1',
        `--ignore-certificate-errors-spki-list=${spkiOf(cert)}`,
      ],
    })
    onTestFinished(() => browser.close())
    const tab = await browser.newPage()
    tab.setDefaultTimeout(60_000)
    const problems: string[] = []
    tab.on('pageerror', (error) => problems.push(error.message))
    tab.on('requestfailed', (request) => problems.push(`${request.url()}: ${request.failure()?.errorText}`))
    const response = await tab.goto(`https://www.test:${weir.port('web')}/`)
    expect(response!.status()).toBe(200)
    expect(await tab.title()).toBe('Weir')
    await tab.getByText('300000 bytes by https').waitFor()
    expect(await response!.securityDetails()).toMatchObject({ protocol: 'TLS 1.3', subjectName: 'www.test' })
    expect(await tab.evaluate('isSecureContext')).toBe(true)
    expect(problems).toEqual([])
  },
)

test.skipIf(path === null)(
  'a browser refuses a certificate that it has no reason to trust',
  { timeout: 120_000 },
  async () => {
    const { cert, key } = await makeCertificate({ names: ['www.test'] })
    const { pem } = files({ pem: cert + key })
    const weir = await startWeir(`
global: { workers: 1, admin: off, control_socket: CONTROL, overload: { loop_delay: 0s } }
frontends:
  web: { bind: '127.0.0.1:0', tls: '${pem}', backend: app }
backends:
  app: { health_check: off, servers: ['127.0.0.1:1'] }
`)
    const args = ['--no-sandbox', '--host-resolver-rules=MAP www.test 127.0.0.1']
    const browser = await chromium.launch({ executablePath: path!, timeout: 60_000, args })
    onTestFinished(() => browser.close())
    const tab = await browser.newPage()
    tab.setDefaultTimeout(60_000)
    await expect(tab.goto(`https://www.test:${weir.port('web')}/`)).rejects.toThrow('ERR_CERT_AUTHORITY_INVALID')
  },
)

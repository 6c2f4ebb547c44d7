// An authority of OpenSSL's with a responder (`openssl ocsp`), for tests of OCSP. The certificates name the responder's port.
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { deadPort, eventually } from './peers.ts'
import { folder, program, run } from './programs.ts'

export interface OcspAuthority {
  /** PEM of the authority's own certificate. */
  readonly ca: string
  readonly port: number
  /** Of a file beside the authority: 'NAME.pem' and 'NAME.key' of what it has issued. */
  path(name: string): string
  /** A certificate that names the responder; `cert` is the leaf with the authority behind it. */
  issue(name: string): Promise<{ readonly cert: string; readonly key: string }>
  revoke(name: string): Promise<void>
  /** Starts the responder. @param more further options of `openssl ocsp` @returns a function that ends it */
  respond(...more: readonly string[]): Promise<() => Promise<void>>
  /** A certificate that may sign answers in place of the authority: options for respond(). */
  delegate(): Promise<readonly string[]>
}

const config = (where: string, port: number): string => `
[ca]
default_ca = own
[own]
database = ${where}/index.txt
serial = ${where}/serial
new_certs_dir = ${where}
certificate = ${where}/ca.pem
private_key = ${where}/ca.key
default_md = sha256
default_days = 30
policy = anything
unique_subject = no
[anything]
commonName = supplied
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:$ENV::NAME
authorityInfoAccess = OCSP;URI:http://127.0.0.1:${port}/
[responder]
basicConstraints = CA:FALSE
extendedKeyUsage = OCSPSigning
`

const P256 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

/** @throws Error when there is no openssl: ask program('openssl') first */
export async function ocspAuthority(): Promise<OcspAuthority> {
  const where = folder()
  const at = (name: string): string => join(where, name)
  const port = await deadPort()
  const openssl = async (args: readonly string[], name = 'none'): Promise<void> => {
    const { code, stderr } = await run('/usr/bin/env', [`NAME=${name}`, program('openssl')!, ...args])
    if (code !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`)
  }
  writeFileSync(at('ca.cnf'), config(where, port))
  writeFileSync(at('index.txt'), '')
  writeFileSync(at('serial'), '1001\n')
  const ca = ['-subj', '/CN=OCSP test authority', '-addext', 'keyUsage=keyCertSign,cRLSign,digitalSignature']
  await openssl(['req', '-x509', ...P256, ...ca, '-days', '30', '-keyout', at('ca.key'), '-out', at('ca.pem')])

  async function sign(name: string, extensions: string): Promise<void> {
    const request = ['-subj', `/CN=${name}`, '-keyout', at(`${name}.key`), '-out', at(`${name}.csr`)]
    await openssl(['req', '-new', ...P256, ...request])
    const signed = ['-extensions', extensions, '-in', at(`${name}.csr`), '-out', at(`${name}.pem`), '-notext']
    await openssl(['ca', '-batch', '-config', at('ca.cnf'), ...signed], name)
  }
  const authority = readFileSync(at('ca.pem'), 'utf8')
  return {
    ca: authority,
    port,
    path: at,
    async issue(name) {
      await sign(name, 'server')
      return { cert: readFileSync(at(`${name}.pem`), 'utf8') + authority, key: readFileSync(at(`${name}.key`), 'utf8') }
    },
    revoke: (name) => openssl(['ca', '-config', at('ca.cnf'), '-revoke', at(`${name}.pem`)], name),
    async delegate() {
      await sign('responder', 'responder')
      return ['-rsigner', at('responder.pem'), '-rkey', at('responder.key')]
    },
    async respond(...more) {
      const own = ['-index', at('index.txt'), '-CA', at('ca.pem'), '-port', String(port)]
      const signer = more.includes('-rsigner') ? [] : ['-rsigner', at('ca.pem'), '-rkey', at('ca.key')]
      const child = spawn(program('openssl')!, ['ocsp', ...own, ...signer, ...more], { stdio: 'pipe' })
      let said = ''
      let gone = false
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += String(chunk)))
      const exit = new Promise<void>((resolve) => child.on('exit', () => resolve()))
      void exit.then(() => (gone = true))
      const end = async (): Promise<void> => {
        child.kill('SIGKILL')
        await exit
      }
      onTestFinished(end)
      await eventually('a responder', () => gone || /waiting for OCSP client/i.test(said))
      if (gone) throw new Error(`openssl ocsp: ${said}`)
      return end
    },
  }
}

// Self-signed certificates for the TLS workloads, made by openssl in the folder of this run: one ECDSA P-256, one RSA 2048.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './process.ts'

export interface Certificates {
  /** Combined PEM files: certificate, then key. */
  readonly ecdsa: string
  readonly rsa: string
}

export async function makeCertificates(folder: string): Promise<Certificates> {
  return {
    ecdsa: await make(folder, 'ecdsa', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']),
    rsa: await make(folder, 'rsa', ['rsa:2048']),
  }
}

async function make(folder: string, name: string, newKey: readonly string[]): Promise<string> {
  const [cert, key, both] = ['crt', 'key', 'pem'].map((ending) => join(folder, `${name}.${ending}`)) as [
    string,
    string,
    string,
  ]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const out = ['-nodes', '-days', '2', '-keyout', key, '-out', cert]
  await run(['openssl', 'req', '-x509', '-newkey', ...newKey, ...subject, ...out], 20_000)
  writeFileSync(both, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'), { mode: 0o600 })
  return both
}

// Debian's pebble, an authority for tests, with a name server (pebble-challtestsrv) that says of every name that it is here.
// Everything is on loopback, on ports that were free a moment ago; all of it ends with the test.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { onTestFinished } from 'vitest'
import { deadPort, eventually } from '../../support/peers.ts'
import { files, program } from '../../support/programs.ts'
import { makeCertificate } from '../../support/certificates.ts'

export interface Pebble {
  readonly directory: string
  /** Path of the PEM that its own certificate is held against. */
  readonly ca: string
  /** Where it looks for answers: Weir has to listen here. */
  readonly httpPort: number
  readonly tlsPort: number
  /** What it has logged. */
  log(): string
  /** Ends it; a new one knows nothing of it. */
  stop(): Promise<void>
}

export interface PebbleWish {
  /** 'PEBBLE_WFE_NONCEREJECT' and so on. */
  readonly env?: Readonly<Record<string, string>>
  /** Seconds that certificates are valid for. */
  readonly validity?: number
  /** base64url by key id; none: everybody may have an account. */
  readonly accountKeys?: Readonly<Record<string, string>>
  /** Port of the name server on loopback that it asks; else one of its own. */
  readonly dnsPort?: number
}

/** Why such tests are skipped; false: they are not. */
export const withoutPebble = program('pebble') === null || program('pebble-challtestsrv') === null

export async function startPebble(wish: PebbleWish = {}): Promise<Pebble> {
  const [port, httpPort, tlsPort, management, dns] = [
    await deadPort(),
    await deadPort(),
    await deadPort(),
    await deadPort(),
    wish.dnsPort ?? (await startNames()),
  ] as [number, number, number, number, number]
  const { cert, key } = await makeCertificate({ names: ['127.0.0.1'] })
  const written = files({ 'cert.pem': cert, 'key.pem': key })
  const config = {
    pebble: {
      listenAddress: `127.0.0.1:${port}`,
      managementListenAddress: `127.0.0.1:${management}`,
      certificate: written['cert.pem'],
      privateKey: written['key.pem'],
      httpPort,
      tlsPort,
      certificateValidityPeriod: wish.validity ?? 86_400,
      externalAccountBindingRequired: wish.accountKeys !== undefined,
      externalAccountMACKeys: wish.accountKeys ?? {},
    },
  }
  const { 'config.json': path } = files({ 'config.json': JSON.stringify(config) })
  const env = { PEBBLE_VA_NOSLEEP: '1', PEBBLE_AUTHZREUSE: '0', ...wish.env }
  const { log, stop } = start('pebble', ['-config', path, '-dnsserver', `127.0.0.1:${dns}`], env)
  await listening(port, log)
  return { directory: `https://127.0.0.1:${port}/dir`, ca: written['cert.pem'], httpPort, tlsPort, log, stop }
}

/** @returns its port */
async function startNames(): Promise<number> {
  const [dns, management] = [await deadPort(), await deadPort()]
  const off = ['-http01', '', '-https01', '', '-tlsalpn01', '']
  const places = ['-dns01', `127.0.0.1:${dns}`, '-management', `127.0.0.1:${management}`, '-defaultIPv6', '']
  const { log } = start('pebble-challtestsrv', [...places, ...off], {})
  await listening(dns, log)
  return dns
}

export function start(name: string, args: readonly string[], env: Readonly<Record<string, string>>) {
  const child = spawn(program(name)!, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.latin1Slice()))
  const gone = once(child, 'close')
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await gone
  }
  onTestFinished(stop)
  return { log: () => text, stop }
}

export async function listening(port: number, log: () => string): Promise<void> {
  let is = false
  const tryOnce = (): void => {
    const socket = net.connect(port, '127.0.0.1')
    socket.on('connect', () => {
      is = true
      socket.destroy()
    })
    socket.on('error', () => setTimeout(tryOnce, 50))
  }
  tryOnce()
  await eventually('listening', () => is, 15_000).catch((error: Error) => {
    throw new Error(`${error.message}: ${log()}`)
  })
}

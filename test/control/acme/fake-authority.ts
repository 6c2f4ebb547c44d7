// An authority for what pebble cannot do: it signs without looking at any challenge, says when to renew, has several chains and
// profiles, and refuses what a test wants refused. Its directory is plain HTTP on loopback; signatures of requests are not
// checked, which pebble does.
import { createPublicKey } from 'node:crypto'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CertificationRequest } from 'pkijs'
import { onTestFinished } from 'vitest'
import { certify, generateKey, type CertificateAndKey } from '../../../src/control/certificates/x509.ts'

export interface FakeAuthority {
  readonly directory: string
  /** Payloads of what was asked, by the first part of the path: 'order', 'account', 'finalize' and so on; 'look' at an order. */
  readonly asked: {
    readonly what: string
    readonly payload: Record<string, unknown>
    readonly header: Record<string, unknown>
  }[]
  /** Common names of the authorities at the top of its two chains; the first is its own choice. */
  readonly tops: readonly [string, string]
  /** Answers to requests of a kind, in place of what it would say; each once. */
  refuse(what: string, status: number, problem: object, fields?: Record<string, string>): void
  /** Milliseconds that certificates are valid for. */
  lifetime: number
  /** ISO 8601; null: it has no opinion, and no such URL either. */
  window: { start: string; end: string } | null
  /** Names of a certificate that it signs, whatever is asked; null: those that are asked. */
  signs: readonly string[] | null
}

interface Refusal {
  readonly what: string
  readonly status: number
  readonly problem: object
  readonly fields: Record<string, string>
}

export async function startFakeAuthority(): Promise<FakeAuthority> {
  const roots = await Promise.all(['First Root', 'Second Root'].map(makeRoot))
  const middleKey = await generateKey('ec')
  const middles = roots.map((issuer) =>
    certify({ ...span(86_400_000), commonName: 'Middle', names: [], authority: true, key: middleKey, issuer }),
  )
  const refusals: Refusal[] = []
  const orders: { names: string[]; status: string; certificate: string | null }[] = []
  let nonce = 0
  let base = ''

  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => void answer(request, response, Buffer.concat(chunks).toString()))
  })

  const authority: FakeAuthority = {
    get directory() {
      return `${base}/directory`
    },
    asked: [],
    tops: ['First Root', 'Second Root'],
    refuse: (what, status, problem, fields = {}) => void refusals.push({ what, status, problem, fields }),
    lifetime: 90 * 86_400_000,
    window: null,
    signs: null,
  }

  const orderBody = (id: number) => {
    const { status, names, certificate } = orders[id]!
    return {
      status,
      identifiers: names.map((value) => ({ type: 'dns', value })),
      authorizations: [],
      finalize: `${base}/finalize/${id}`,
      ...(certificate === null ? {} : { certificate: `${base}/certificate/${id}` }),
    }
  }

  async function answer(request: IncomingMessage, response: ServerResponse, body: string): Promise<void> {
    const [, path = '', id = ''] = request.url!.split('/')
    const what = path === 'order' && id !== '' ? 'look' : path
    const say = (status: number, value: unknown, fields: Record<string, string> = {}): void => {
      response.writeHead(status, { 'replay-nonce': `nonce${nonce++}`, ...fields })
      response.end(typeof value === 'string' ? value : JSON.stringify(value))
    }
    const jws = body === '' ? null : (JSON.parse(body) as { payload: string; protected: string })
    const parse = (part: string): Record<string, unknown> =>
      JSON.parse(Buffer.from(part, 'base64url').toString() || '{}')
    const payload = jws === null ? {} : parse(jws.payload)
    authority.asked.push({ what, payload, header: jws === null ? {} : parse(jws.protected) })
    const refusal = refusals.findIndex((each) => each.what === what)
    if (refusal >= 0) {
      const [{ status, problem, fields }] = refusals.splice(refusal, 1) as [Refusal]
      return say(status, problem, fields)
    }
    switch (what) {
      case 'directory': {
        const urls = { newNonce: `${base}/nonce`, newAccount: `${base}/account`, newOrder: `${base}/order` }
        const more = authority.window === null ? {} : { renewalInfo: `${base}/renewal` }
        return say(200, { ...urls, ...more, meta: { profiles: { shortlived: 'six days' } } })
      }
      case 'nonce':
        return say(200, '')
      case 'account':
        return say(201, { status: 'valid' }, { location: `${base}/account/1` })
      case 'renewal':
        return say(200, { suggestedWindow: authority.window }, { 'retry-after': '21600' })
      case 'order': {
        const identifiers = payload['identifiers'] as { value: string }[]
        orders.push({ names: identifiers.map(({ value }) => value), status: 'ready', certificate: null })
        return say(201, orderBody(orders.length - 1), { location: `${base}/order/${orders.length - 1}` })
      }
      case 'look':
        return say(200, orderBody(Number(id)))
      case 'finalize': {
        const order = orders[Number(id)]!
        order.certificate = sign(payload['csr'] as string, authority.signs ?? order.names)
        order.status = 'valid'
        return say(200, orderBody(Number(id)))
      }
      case 'certificate': {
        const { certificate } = orders[Number(id)]!
        return say(200, `${certificate}${middles[0]}`, {
          link: `<${base}/directory>;rel="index", <${base}/other/${id}>;rel="alternate"`,
        })
      }
      case 'other':
        return say(200, `${orders[Number(id)]!.certificate}${middles[1]}`)
      default:
        return say(404, { detail: `nothing at ${request.url}` })
    }
  }

  function sign(csr: string, names: readonly string[]): string {
    const request = CertificationRequest.fromBER(Buffer.from(csr, 'base64url'))
    const der = Buffer.from(request.subjectPublicKeyInfo.toSchema().toBER())
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' }).export({ type: 'spki', format: 'pem' })
    const content = { ...span(authority.lifetime), commonName: names[0]!, names, key }
    return certify({ ...content, issuer: { cert: middles[0]!, key: middleKey } })
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return authority
}

const span = (lifetime: number) => ({ from: new Date(Date.now() - 60_000), to: new Date(Date.now() + lifetime) })

async function makeRoot(commonName: string): Promise<CertificateAndKey> {
  const key = await generateKey('ec')
  return { cert: certify({ ...span(86_400_000), commonName, names: [], authority: true, key }), key }
}

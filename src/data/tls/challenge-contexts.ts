// How a worker answers the challenge TLS-ALPN-01 of ACME (RFC 8737): an authority that is to believe that a name is ours
// connects to it, offers the protocol `acme-tls/1` and nothing else, and looks for a certificate that only the owner of
// the account can have made. Such a certificate is shown to nobody else, and no data follows the handshake (section 4).
import { constants } from 'node:crypto'
import { createSecureContext, type TLSSocketOptions } from 'node:tls'
import type { Challenges } from '../../messages/tls.ts'
import type { ClientHello } from './client-hello.ts'

const ACME_PROTOCOL = 'acme-tls/1'
/** The list of that protocol alone, as it stands in a handshake (RFC 7301, section 3.1). */
const PROTOCOLS = Buffer.concat([Buffer.of(ACME_PROTOCOL.length), Buffer.from(ACME_PROTOCOL, 'latin1')])

type ChallengeCertificate = Challenges['tls'][string]

/** What a handshake is begun with. */
export interface ChallengeTls {
  readonly options: TLSSocketOptions
}

/** Made when an authority comes, and gone when its challenge is; null: OpenSSL takes no such certificate. */
const made = new WeakMap<ChallengeCertificate, ChallengeTls | null>()

/** @returns null: the hello is no challenge, or none that there is an answer for */
export function challengeFor(challenges: Challenges['tls'], hello: ClientHello): ChallengeTls | null {
  const { protocols, serverName } = hello
  if (protocols.length !== 1 || protocols[0] !== ACME_PROTOCOL) return null
  if (!Object.hasOwn(challenges, serverName)) return null
  const certificate = challenges[serverName]!
  let tls = made.get(certificate)
  if (tls === undefined) made.set(certificate, (tls = make(certificate)))
  return tls
}

function make({ cert, key }: ChallengeCertificate): ChallengeTls | null {
  try {
    const secureContext = createSecureContext({
      cert,
      key,
      ca: [],
      minVersion: 'TLSv1.2', // section 4
      secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
    })
    return { options: { isServer: true, secureContext, ALPNProtocols: PROTOCOLS } }
  } catch {
    return null // the authority says so to whoever has ordered
  }
}

// A PROXY header as it was understood: who the client is, where it connected to, and what else the sender tells of it.
// Types only; parse.ts makes them.

export interface Endpoint {
  /** A literal in its one form (RFC 5952), or NO_ADDRESS of io/address.ts for a unix socket. */
  readonly address: string
  readonly port: number
}

export interface ProxyHeader {
  readonly version: 1 | 2
  /** The sender speaks for nobody: its own health check. */
  readonly local: boolean
  /** null: nothing is told of the ends, and those of the connection count. */
  readonly source: Endpoint | null
  readonly destination: Endpoint | null
  /** null: none came. */
  readonly tlvs: Tlvs | null
  /** Bytes that it took. */
  readonly length: number
}

/** What came in the type-length-value vectors of version 2. Texts are latin1, '' where there is none. */
export interface Tlvs {
  /** What the client speaks, as negotiated in its TLS handshake. */
  alpn: string
  /** The name that it asked for (SNI). */
  authority: string
  /** Of the connection, in hexadecimal. */
  uniqueId: string
  /** Of the client's TLS; null: nothing is told of it. */
  tls: TlsTlv | null
  /** Name of the network namespace that it came by. */
  netns: string
  /** AWS: the VPC endpoint that it came by. */
  vpcEndpoint: string
  /** Azure's value as it is, in hexadecimal: a type, then the id of the private link. */
  azure: string
}

export interface TlsTlv {
  /** It speaks TLS to the sender; else the rest says nothing. */
  readonly encrypted: boolean
  /** It showed a certificate in this connection or session, and the sender has verified it. */
  readonly verified: boolean
  /** 'TLSv1.3'. */
  version: string
  cipher: string
  /** Common name of its certificate. */
  commonName: string
}

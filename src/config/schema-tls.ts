// Options of TLS: what a bind serves and to whom, and how servers are spoken to. What the words of `profile` stand for is
// tls-profiles.ts; where certificates are ordered is schema-acme.ts.
import { z } from 'zod'
import { tlsVersions } from '../model/tls-versions.ts'
import {
  duration,
  either,
  flag,
  integer,
  judged,
  listOf,
  name,
  onOff,
  option,
  path,
  required,
  text,
  word,
} from './options.ts'
import { dnsName } from './schema-names.ts'
import { profileNames } from './tls-profiles.ts'

/** A certificate in files. */
export const fileOptions = {
  key: option(path(), {
    otherwise: 'in the file of `cert`',
    doc: 'PEM file of the private key.',
  }),
  chain: option(path(), {
    otherwise: 'in the file of `cert`',
    doc: 'PEM file of the certificates between this one and the authority.',
  }),
  passphrase_file: option(path(), {
    otherwise: 'none',
    doc: 'File that holds the passphrase of the key and nothing else; a line break at its end does not count.',
  }),
}

/** Sources by the option that makes a map one of them, with the options that go with it. */
export const certificateForms = {
  cert: ['key', 'chain', 'passphrase_file'],
  folder: [],
  store: [],
  acme: ['challenge', 'key_type'],
} as const

export const challenges = ['http-01', 'tls-alpn-01', 'dns-01'] as const

export const certificateSchema = z
  .strictObject({
    cert: option(path(), {
      otherwise: 'none',
      doc: 'PEM file: the certificate, its chain and its key, as far as the next three do not say where these are.',
    }),
    ...fileOptions,
    folder: option(path(), {
      otherwise: 'none',
      doc: 'Folder of certificates, which are served as they come and go; see [TLS](tls.md).',
    }),
    store: option(name(), {
      otherwise: 'none',
      doc: 'Name of a certificate in the store, which `weir cert put` fills. It need not be there yet.',
    }),
    acme: option(either(dnsName(), listOf(dnsName())), {
      otherwise: 'none',
      doc: 'Name, or names, of a certificate that Weir orders and renews, from the authority in the section `acme`.',
    }),
    challenge: option(word(challenges), {
      default: 'http-01',
      doc: 'With `acme`: how the authority is shown whose names these are. `http-01` needs an http frontend on port 80, `tls-alpn-01` a bind with TLS on port 443, `dns-01` the options `acme.dns`; wildcards need `dns-01`.',
    }),
    key_type: option(word(['ec', 'rsa']), {
      default: 'ec',
      doc: 'With `acme`: `ec` is ECDSA on P-256, `rsa` is RSA with 2048 bits.',
    }),
  })
  .meta({ id: 'certificate', title: 'Certificate of a bind' })

/** Two years are what Mozilla's guideline has. */
export const hstsOptions = {
  max_age: option(duration('0s', '3650d'), {
    default: '730d',
    doc: 'For how long browsers use TLS alone. 0s: they forget about it.',
  }),
  include_subdomains: option(flag(), { default: false, doc: 'The same for all names below.' }),
  preload: option(flag(), {
    default: false,
    doc: 'Agrees to the list that browsers come with. Only for who is sure: it takes months to undo.',
  }),
}

export const hstsSchema = z.strictObject(hstsOptions).meta({ id: 'hsts', title: 'HSTS' })

export const clientAuthSchema = z
  .strictObject({
    mode: option(word(['required', 'optional']), {
      default: 'required',
      doc: '`required`: who shows no certificate is refused. `optional`: who shows none is let in. A bad one is always refused.',
    }),
    ca: required(path(), 'PEM file of the authorities that sign certificates of clients.'),
    crl: option(path(), {
      otherwise: 'none',
      doc: 'PEM file of revocation lists; one for each authority that signs. A list that is past its end makes all its clients refused.',
    }),
    depth: option(integer(0, 10), {
      default: 2,
      doc: "Certificates between a client's and that of an authority in `ca`, at most.",
    }),
    headers: option(word(['off', 'weir', 'pound', 'standard', 'chain']), {
      otherwise: '`weir` in http mode, else `off`',
      doc: 'Header fields that tell servers who the client is: `X-Client-Cert-*`; `X-SSL-*`, as Pound has them; `Client-Cert` alone (RFC 9440), or with `chain` that and `Client-Cert-Chain`, without tickets. Those that a client sends are taken away.',
    }),
  })
  .meta({ id: 'client_auth', title: 'Client certificates' })

const protocol = () => text('protocol', 'a protocol name such as "http/1.1"', /^[\x21-\x7e]{1,255}$/)

export const passthroughSchema = z
  .strictObject({
    sni: option(either(dnsName(), listOf(dnsName())), {
      otherwise: 'any name, and none',
      doc: 'Name, or names, that the client asks for (SNI). `*.example.com` stands for every name below.',
    }),
    alpn: option(either(protocol(), listOf(protocol())), {
      otherwise: 'any',
      doc: 'Protocol, or protocols, one of which the client offers (ALPN).',
    }),
    backend: required(name(), 'Backend in tcp mode that gets the connection as it comes, TLS and all.'),
  })
  .meta({ id: 'passthrough', title: 'Passthrough' })

export const tlsSchema = z
  .strictObject({
    certificate: required(
      either(path(), certificateSchema, listOf(either(path(), certificateSchema))),
      'One PEM file with certificate, chain and key together, or a map that says where they come from, or a list of those. The first is served where no name matches (SNI); an ECDSA and an RSA certificate of the same names stand side by side.',
    ),
    key: option(path(), {
      otherwise: 'in the file of the certificate',
      doc: 'PEM file of the private key, when `certificate` is a single file without it.',
    }),
    profile: option(word(profileNames), {
      default: 'intermediate',
      doc: "Versions and ciphers, after Mozilla's guideline 5.7. `modern`: TLS 1.3 alone. `intermediate`: 1.2 too, with forward secrecy. `old`: from TLS 1.0 on, for clients that should be gone.",
    }),
    min_version: option(word(tlsVersions), {
      otherwise: "the profile's",
      doc: 'Oldest protocol version that is accepted. `TLSv1` and `TLSv1.1` need `profile: old`.',
    }),
    max_version: option(word(tlsVersions), {
      otherwise: "the profile's: `TLSv1.3`",
      doc: 'Newest protocol version that is offered.',
    }),
    ciphers: option(text('OpenSSL cipher list', 'an OpenSSL cipher list', /^[A-Za-z0-9_:+!@=.,-]+$/), {
      otherwise: "the profile's",
      doc: 'Cipher list of OpenSSL for TLS 1.2, and suites for 1.3 (`TLS_...`), in the order of the server, separated by colons. A list with one kind alone leaves the other as the profile has it.',
    }),
    groups: option(text('OpenSSL list of groups', 'an OpenSSL list of groups', /^[A-Za-z0-9_:?*/-]+$/), {
      otherwise: '`X25519MLKEM768:X25519:P-256:P-384`',
      doc: 'Groups of the key exchange, in the order of the server, separated by colons.',
    }),
    sni: option(word(['default', 'strict']), {
      default: 'default',
      doc: 'A client that asks for a name that no certificate has, or for none: `default` serves it the first certificate, `strict` refuses it.',
    }),
    alpn: option(z.array(protocol()), {
      otherwise: '`[http/1.1]` in http mode, none in tcp mode',
      doc: 'Protocols offered to the client by ALPN. In http mode only `http/1.1` is spoken.',
    }),
    tickets: option(onOff(), {
      default: 'on',
      doc: 'Clients may come back with a ticket, which saves both sides most of a handshake; see `global.ticket_keys`.',
    }),
    ocsp: option(onOff(), {
      default: 'on',
      doc: 'The answer of the responder that a certificate names goes to clients with it (stapling), so that they need not ask there.',
    }),
    hsts: option(either(onOff(), hstsSchema), {
      default: 'off',
      doc: '`Strict-Transport-Security` in all responses: browsers come back over TLS alone, for two years (http mode).',
    }),
    max_handshakes: option(integer(0, 65_535, 'per worker'), {
      default: 1024,
      doc: 'Handshakes under way at a time; later ones wait. 0: any number.',
    }),
    client_auth: option(clientAuthSchema, {
      otherwise: 'clients are not asked for one',
      doc: 'Clients show a certificate.',
    }),
    passthrough: option(either(passthroughSchema, listOf(passthroughSchema)), {
      otherwise: 'all of it is terminated here',
      doc: 'Connections that are passed on untouched, by what their first bytes say, one rule or a list; the first that matches wins.',
    }),
  })
  .meta({ id: 'tls', title: 'TLS of a bind' })

/** A certificate file alone is enough. */
export const tls = () => either(path(), tlsSchema)
/** In a bind, `off` undoes what the frontend says. */
export const bindTls = () =>
  either(
    judged(z.string(), { kind: '`off` or a file path', expects: '"off" or the path of a PEM file' }, (value) =>
      value === '' || value.startsWith('-----') ? 'expected "off" or the path of a PEM file' : null,
    ),
    tlsSchema,
  )

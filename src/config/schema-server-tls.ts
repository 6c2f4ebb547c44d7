// Options of TLS to servers, of a backend or of one server.
import { z } from 'zod'
import { either, flag, judged, listOf, option, path, required, text } from './options.ts'
import { fileOptions } from './schema-tls.ts'

export const clientCertificateSchema = z
  .strictObject({
    cert: required(path(), 'PEM file: the certificate, and its chain and key as far as these are not elsewhere.'),
    ...fileOptions,
  })
  .meta({ id: 'client_certificate' })

const pin = () =>
  text(
    'SHA-256 in base64',
    'a SHA-256 in base64, 44 characters',
    /^(sha256\/\/?)?[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/,
  )

export const serverTlsSchema = z
  .strictObject({
    verify: option(
      judged(
        z.union([z.boolean(), z.string()]),
        { kind: '`true` or `none`', expects: '`true`, or "none" to trust any certificate' },
        (value) => (value === true || value === 'none' ? null : 'expected `true`, or "none" to trust any certificate'),
      ),
      {
        default: true,
        doc: 'Whether the certificate of the server must be trusted and have its name. `none` is for tests, or with `pin`.',
      },
    ),
    ca: option(path(), {
      otherwise: 'the public authorities that Node ships',
      doc: 'PEM file with the authorities that are trusted.',
    }),
    server_name: option(text('host name', 'a host name', /^[A-Za-z0-9._-]+$/), {
      otherwise: 'the host of the address, when it is a name',
      doc: 'Name that is asked for (SNI) and that the certificate must have.',
    }),
    pin: option(either(pin(), listOf(pin())), {
      otherwise: 'any key',
      doc: "SHA-256 of the server's public key (SubjectPublicKeyInfo) in base64, or a list of which it must be one: that of today and that of tomorrow.",
    }),
    certificate: option(either(path(), clientCertificateSchema), {
      otherwise: 'none',
      doc: 'What Weir shows of itself, to servers that ask for a certificate: a PEM file with certificate, chain and key, or a map of files.',
    }),
    key: option(path(), {
      otherwise: 'in the file of the certificate',
      doc: 'PEM file of the private key, when `certificate` is a file without it.',
    }),
  })
  .meta({ id: 'server_tls', title: 'TLS to a server' })

export const serverTls = () => either(flag(), serverTlsSchema)

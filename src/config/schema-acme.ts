// Options of the authority that certificates are ordered from (ACME, RFC 8555): the `acme` section. Which certificates, is
// said where they are served (schema-tls.ts).
import { z } from 'zod'
import { parseServerAddress } from './address.ts'
import { duration, judged, name, option, path, required, text, word } from './options.ts'

/** Directories by the names that they go by. */
export const directories = {
  letsencrypt: 'https://acme-v02.api.letsencrypt.org/directory',
  'letsencrypt-staging': 'https://acme-staging-v02.api.letsencrypt.org/directory',
} as const

const directoryWords = Object.keys(directories).map((each) => `"${each}"`)
const directory = () => {
  const expects = `${directoryWords.join(', ')} or the https:// URL of a directory`
  return judged(z.string(), { kind: expects.replaceAll('"', '`'), expects }, (value) => {
    if (Object.hasOwn(directories, value)) return null
    return value.startsWith('https://') && URL.canParse(value) ? null : `expected ${expects}`
  })
}

const dnsServer = () => {
  const expects = 'an address such as "10.0.0.53" or "ns.internal:5353"'
  return judged(z.string(), { kind: 'address', expects, code: 'BAD_ADDRESS' }, (value) =>
    parseDnsServer(value) === null ? `expected ${expects}` : null,
  )
}

/** 'host:port', '[v6]:port', or the host alone, with the port of DNS. null: not an address. */
export function parseDnsServer(written: string): { readonly host: string; readonly port: number } | null {
  for (const each of [written, `${written}:53`, `[${written}]:53`]) {
    const parsed = parseServerAddress(each)
    if (!('expected' in parsed) && parsed.tls === null && parsed.host !== null)
      return { host: parsed.host, port: parsed.port }
  }
  return null
}

const domain = (words: string) => text(words, `the name of a ${words}`, /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})\.?$/)

export const eabSchema = z
  .strictObject({
    key_id: required(
      text('text', 'the key id that the authority gave', /^[\x21-\x7e]{1,512}$/),
      'Id of the key, from the authority.',
    ),
    key_file: required(path(), 'File with the key itself, in base64url as the authority gave it.'),
  })
  .meta({ id: 'eab', title: 'External account' })

export const acmeDnsSchema = z
  .strictObject({
    hook: option(path(), {
      otherwise: 'none',
      doc: 'Program that is called with `add` or `remove`, the name of a TXT record and its value. In place of all the others but `wait`.',
    }),
    server: option(dnsServer(), {
      otherwise: 'none',
      doc: 'Name server that takes dynamic updates (RFC 2136). Port 53 unless said.',
    }),
    zone: option(domain('zone'), { otherwise: 'found by asking', doc: 'Zone that is updated.' }),
    key_name: option(domain('key'), {
      otherwise: 'updates are not signed',
      doc: 'Name of the key that updates are signed with (TSIG).',
    }),
    key_file: option(path(), {
      otherwise: 'none',
      doc: 'File with the secret of that key, in base64, or as `tsig-keygen` writes it.',
    }),
    algorithm: option(word(['hmac-sha256', 'hmac-sha384', 'hmac-sha512', 'hmac-sha1']), {
      default: 'hmac-sha256',
      doc: 'Algorithm of the signature.',
    }),
    wait: option(duration('0s', '1h'), {
      default: '10s',
      doc: 'From the change of a record until the authority may look: for the other servers of the zone.',
    }),
  })
  .meta({ id: 'acme_dns', title: 'DNS challenges' })

export const acmeSchema = z
  .strictObject({
    agree_tos: required(
      judged(z.boolean(), { kind: '`true`', expects: '`true`' }, (value) =>
        value ? null : 'expected `true`: no authority signs anything for who does not agree to its terms',
      ),
      'You agree to the terms of service of the authority.',
    ),
    directory: option(directory(), {
      default: 'letsencrypt',
      doc: 'The authority. Try out with `letsencrypt-staging`, whose certificates nobody trusts, and whose limits are wide.',
    }),
    email: option(text('mail address', 'a mail address', /^[^\s@,?:/]+@[^\s@,?:/]+$/), {
      otherwise: 'none',
      doc: 'Where the authority writes to when something is wrong.',
    }),
    ca: option(path(), {
      otherwise: 'the public authorities that Node ships',
      doc: 'PEM file of the authorities that the certificate of the directory itself is held against, for a directory of your own.',
    }),
    eab: option(eabSchema, {
      otherwise: 'none',
      doc: 'Says whose customer you are, for authorities that ask for it (external account binding).',
    }),
    dns: option(acmeDnsSchema, {
      otherwise: 'no `dns-01` challenges',
      doc: 'How records are made for `dns-01`: by dynamic update, or by a program of your own.',
    }),
    preferred_chain: option(text('name', 'the common name of an authority', /^[^\n\0]{1,256}$/), {
      otherwise: 'the first chain that is offered',
      doc: 'Common name of the authority at the top of the chain that is taken, where there are several.',
    }),
    profile: option(name(), {
      otherwise: "the authority's choice",
      doc: 'Profile of the certificates, where the authority has several: `shortlived` for instance.',
    }),
  })
  .meta({ id: 'acme', title: 'acme' })

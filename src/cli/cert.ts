// `weir cert`: the certificates of a running Weir. Files are read here and their text is sent, so that Weir itself need not be
// allowed to read them.
import { readFileSync } from 'node:fs'
import type { PutOutcome, UseOutcome } from '../control/certificates/manager.ts'
import type { AcmeStatus, CertificateDetails, CertificateInfo, CertificateList } from '../control/certificates/types.ts'
import { certificatesText, detailsText, ordersText, putText } from './cert-text.ts'
import { controlUsage, NotDone, numberOption, path, runControl, spanOption, type Control } from './control-command.ts'
import { oneOf, UsageError } from './usage.ts'

export const certUsage = `Usage: weir cert put NAME --cert FILE --key FILE [--chain FILE] [--passphrase-file FILE]
                     [--canary PERCENT% [--for SPAN]] [--force]
       weir cert list
       weir cert show NAME
       weir cert use FRONTEND[:PORT] NAME
       weir cert reset FRONTEND[:PORT]
       weir cert rollback NAME [--version N] [--force]
       weir cert remove NAME
       weir cert acme

  put       a new certificate under a name, or a new version of the one that has it; served from the next handshake on where
            the name is in use
  list      all certificates: of the store, of files and folders, ordered ones
  show      one of them, with its versions
  use       has the TLS binds of a frontend, or the one with that port, serve it before those of the configuration
  reset     has them serve what the configuration says
  rollback  back to the version before, or to that one; takes back what is on trial
  remove    all versions of it; not while a bind serves it
  acme      how the orders of certificates stand

      --cert FILE        the certificate, as PEM; its chain and its key may be in the same file
      --key FILE         its private key
      --chain FILE       certificates of the authorities in between
      --passphrase-file FILE
                         the first line opens an encrypted key
      --canary PERCENT%  serves it to this share of the handshakes first; when clients refuse it, it is withdrawn
      --for SPAN         how long it has to do well on trial (10m)
      --force            although its chain is incomplete, or it ends before the one that it replaces
      --version N        the version to go back to
${controlUsage}
What is put is kept in global.certificate_store (or beside the configuration) and outlives reloads and restarts.
`

const actions = ['put', 'list', 'show', 'use', 'reset', 'rollback', 'remove', 'acme'] as const

/** @param argv what follows the word `cert` @returns the exit code */
export function cert(argv: string[]): Promise<number> {
  return runControl(
    {
      name: 'cert',
      usage: certUsage,
      options: {
        cert: { type: 'string' },
        key: { type: 'string' },
        chain: { type: 'string' },
        'passphrase-file': { type: 'string' },
        canary: { type: 'string' },
        for: { type: 'string' },
        version: { type: 'string' },
        force: { type: 'boolean' },
      },
      run: (control) => act(control, oneOf('action', control.words[0], actions)),
    },
    argv,
  )
}

async function act(control: Control, action: (typeof actions)[number]): Promise<void> {
  const { ask, show, options } = control
  const words = wordsOf(control, action)
  switch (action) {
    case 'put': {
      const body = putBody(options)
      const done = (await ask({ method: 'POST', path: path`/v1/certificates/${words[0]!}/put`, body })) as PutOutcome
      show(done, () => putText(done))
      return
    }
    case 'list': {
      const list = (await ask({ method: 'GET', path: '/v1/certificates', patience: 60_000 })) as CertificateList
      show(list, (style) => certificatesText(list, style))
      return
    }
    case 'show': {
      const found = (await ask({ method: 'GET', path: path`/v1/certificates/${words[0]!}` })) as CertificateDetails
      show(found, (style) => detailsText(found, style))
      return
    }
    case 'use':
    case 'reset': {
      const body = { ...placeOf(words[0]!), name: words[1] ?? null }
      const done = (await ask({ method: 'POST', path: '/v1/certificates/use', body })) as UseOutcome
      show(done, () =>
        done.binds.map((bind) => `${bind} serves ${done.name ?? 'what its configuration says'}.`).join('\n'),
      )
      return
    }
    case 'rollback': {
      const body = { version: numberOption(options, 'version') ?? null, force: options.force === true }
      const done = await ask({ method: 'POST', path: path`/v1/certificates/${words[0]!}/rollback`, body })
      const { certificate, from } = done as { readonly certificate: CertificateInfo; readonly from: number }
      show(done, () => `${certificate.name} went back from version ${from} to ${certificate.version}.`)
      return
    }
    case 'remove': {
      const done = await ask({ method: 'POST', path: path`/v1/certificates/${words[0]!}/remove` })
      show(done, () => `${words[0]!} is removed.`)
      return
    }
    case 'acme': {
      const answer = (await ask({ method: 'GET', path: '/v1/certificates/acme' })) as { orders: readonly AcmeStatus[] }
      show(answer, (style) => ordersText(answer.orders, style))
    }
  }
}

const needed: Readonly<Record<(typeof actions)[number], readonly string[]>> = {
  put: ['NAME'],
  list: [],
  show: ['NAME'],
  use: ['FRONTEND[:PORT]', 'NAME'],
  reset: ['FRONTEND[:PORT]'],
  rollback: ['NAME'],
  remove: ['NAME'],
  acme: [],
}

/** What follows the action. @throws UsageError unless it is as much as there should be */
function wordsOf({ words: [, ...rest], options }: Control, action: (typeof actions)[number]): readonly string[] {
  const names = needed[action]
  if (rest.length < names.length) throw new UsageError(`${action} needs ${names.slice(rest.length).join(' and ')}`)
  if (rest.length > names.length) throw new UsageError(`what is "${rest[names.length]}"?`)
  const ofPut = ['cert', 'key', 'chain', 'passphrase-file', 'canary', 'for'].find((name) => options[name] !== undefined)
  if (action !== 'put' && ofPut !== undefined) throw new UsageError(`--${ofPut} goes with put`)
  return rest
}

function putBody(options: Control['options']): Readonly<Record<string, unknown>> {
  const file = (name: string): string | undefined => {
    const where = options[name]
    return where === undefined ? undefined : read(name, String(where))
  }
  const pem = file('cert')
  if (pem === undefined) throw new UsageError('put needs --cert FILE')
  const span = spanOption(options, 'for')
  if (span !== undefined && options.canary === undefined) throw new UsageError('--for goes with --canary')
  return {
    cert: pem,
    key: file('key') ?? pem,
    chain: file('chain'),
    passphrase: file('passphrase-file')?.split(/\r?\n/, 1)[0],
    canary: options.canary,
    for: span,
    force: options.force === true,
  }
}

function read(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : message
    throw new NotDone(`--${option}: cannot read ${file}: ${why}`, null)
  }
}

/** 'web:443' */
function placeOf(word: string): { readonly frontend: string; readonly port: number | null } {
  const [, frontend, port] = /^(.+?)(?::(\d{1,5}))?$/.exec(word)!
  return { frontend: frontend!, port: port === undefined ? null : Number(port) }
}

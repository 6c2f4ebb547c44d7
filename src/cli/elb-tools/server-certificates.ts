// The tools of IAM for certificates: upload, list, look at and delete, in Weir's store. What is wrong with a certificate is
// judged by Weir (control/certificates), which says so in its own words.
import { readFileSync } from 'node:fs'
import type { CertificateInfo, CertificateList } from '../../control/certificates/types.ts'
import { isPath } from '../../control/certificates/version-files.ts'
import { path } from '../control-command.ts'
import { iamOptions, requiredText, textOf, ToolError, type Arguments } from './arguments.ts'
import { accountOf, arnOf, idOf } from './arn.ts'
import { Refused, type Tool, type ToolCall } from './tool.ts'

const common = `
  --socket PATH   of the Weir with this control socket; else WEIR_SOCKET says, else it is the one at the usual place
  -h, --help      this text

--aws-credential-file, --url and --client-config-file are taken and do nothing. The account in an ARN is WEIR_ACCOUNT_ID.
Exit codes: 0 done, 1 not done.
`

const named = { 'server-certificate-name': { type: 'string', short: 's' } } as const

export const upload: Tool = {
  usage: `Usage: iam-servercertupload -b FILE -k FILE [-c FILE] -s NAME [-p PATH] [-v]

Puts a certificate into Weir's store under a name that is free.

  -b FILE   the certificate, PEM
  -k FILE   its private key, PEM
  -c FILE   the chain: certificates of the authorities between, PEM
  -s NAME   its name
  -p PATH   where it stands, such as /web/eu/; else /
  -v        prints the ARN and an id
${common}`,
  options: {
    ...iamOptions,
    ...named,
    'certificate-body': { type: 'string', short: 'b' },
    'certificate-chain': { type: 'string', short: 'c' },
    'private-key': { type: 'string', short: 'k' },
    path: { type: 'string', short: 'p' },
    verbose: { type: 'boolean', short: 'v' },
  },
  run: async (call) => {
    const name = nameOf(call)
    const place = pathOf(call) ?? '/'
    const chain = textOf(call, 'certificate-chain')
    const cert = fileOf(requiredText(call, 'certificate-body', '-b'), 'certificate')
    const key = fileOf(requiredText(call, 'private-key', '-k'), 'private key')
    const body = { cert, key, path: place, ...(chain === null ? {} : { chain: fileOf(chain, 'chain') }) }
    const blocks = cert.match(/-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/g)?.length ?? 0
    if (blocks > 1)
      throw new ToolError(`the file of -b has ${blocks} certificates: name those of the authorities with -c`)
    if ((await stored(call)).some((each) => each.name === name))
      throw new ToolError(`The Server Certificate with name ${name} already exists.`)
    const done = await call.ask({ method: 'POST', path: path`/v1/certificates/${name}/put`, body })
    if (call.options.verbose !== true) return
    const { fingerprint } = (done as { certificate?: CertificateInfo }).certificate ?? (await detailsOf(call, name))
    call.print(`${arnOf({ name, path: place }, accountOf(call.env))}\n${idOf(fingerprint)}\n`)
  },
}

export const listByPath: Tool = {
  usage: `Usage: iam-servercertlistbypath [-p PATH]

Prints the ARN of every certificate in Weir's store, or of those that stand at a path or below it.

  -p PATH   what their paths begin with, such as /web/; else all are listed
${common}`,
  options: { ...iamOptions, path: { type: 'string', short: 'p' }, verbose: { type: 'boolean', short: 'v' } },
  run: async (call) => {
    const prefix = prefixOf(call) ?? '/'
    const account = accountOf(call.env)
    const found = (await stored(call)).filter(({ path: place }) => (place ?? '/').startsWith(prefix))
    call.print(found.map((each) => `${arnOf(each, account)}\n`).join(''))
  },
}

export const getAttributes: Tool = {
  usage: `Usage: iam-servercertgetattributes -s NAME

Prints the ARN of a certificate in Weir's store, and below it an id.
${common}`,
  options: { ...iamOptions, ...named },
  run: async (call) => {
    const name = nameOf(call)
    const found = await detailsOf(call, name)
    call.print(`${arnOf(found, accountOf(call.env))}\n${idOf(found.fingerprint)}\n`)
  },
}

export const remove: Tool = {
  usage: `Usage: iam-servercertdel -s NAME

Deletes a certificate of Weir's store, unless a listener uses it.
${common}`,
  options: { ...iamOptions, ...named },
  run: async (call) => {
    const name = nameOf(call)
    await call.ask({ method: 'POST', path: path`/v1/certificates/${name}/remove` }).catch((error: unknown) => {
      throw unlessMissing(error, name)
    })
  },
}

/** Those of the store, by name. */
export async function stored(call: Pick<ToolCall, 'ask'>): Promise<readonly CertificateInfo[]> {
  const { certificates } = (await call.ask({ method: 'GET', path: '/v1/certificates' })) as CertificateList
  return certificates.filter(({ kind }) => kind === 'store').toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

async function detailsOf(call: ToolCall, name: string): Promise<CertificateInfo> {
  const found = (await stored(call)).find((each) => each.name === name)
  if (found === undefined) throw noSuch(name)
  return found
}

const noSuch = (name: string): ToolError => new ToolError(`The Server Certificate with name ${name} cannot be found.`)

const unlessMissing = (error: unknown, name: string): unknown =>
  error instanceof Refused && error.status === 404 ? noSuch(name) : error

const nameOf = (given: Arguments): string => requiredText(given, 'server-certificate-name', '-s')

/** @throws ToolError when it does not begin and end with a slash, as IAM had it */
function pathOf(given: Arguments): string | null {
  const written = textOf(given, 'path')
  if (written === null || isPath(written)) return written
  throw new ToolError(`-p is a path that begins and ends with "/", not "${written}"`)
}

/** @throws ToolError when it does not begin with a slash; it may end anywhere */
function prefixOf(given: Arguments): string | null {
  const written = textOf(given, 'path')
  if (written === null || /^\/[\x21-\x7e]{0,511}$/.test(written)) return written
  throw new ToolError(`-p is the beginning of a path, which begins with "/", not "${written}"`)
}

/** Keys are read too: what went wrong is told, never what is in the file. */
function fileOf(name: string, what: string): string {
  try {
    return readFileSync(name, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new ToolError(`cannot read the ${what} ${name}: ${code === 'ENOENT' ? 'there is no such file' : code}`, {
      cause: error,
    })
  }
}

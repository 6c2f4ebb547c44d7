// YAML blocks of the pages, made into configurations that can be checked: what a block leaves out is added, and the
// certificates that it names are made.
import { createPrivateKey, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { makeAuthority, makeCertificate, type CertificateAndKey } from '../support/certificates.ts'
import { blocksIn, type Block, type Page } from './pages.ts'

type Tree = Record<string, Record<string, { backend?: string; routes?: { backend: string }[] }>>

/** Has both frontends and backends, so that it can be run as it stands. */
export const isWhole = ({ text }: Block): boolean => /^frontends:/m.test(text) && /^backends:/m.test(text)

/** A scenario of `weir simulate`: it begins with what happens in it. */
export const isScenario = ({ text }: Block): boolean => /^(#.*\n)?doc:/.test(text)

/** Writes every YAML block whose first line is its name, as in `# large.yaml`, into a folder. */
export function writeNamedYaml(page: Page, folder: string): void {
  for (const { text } of blocksIn(page, 'yaml')) {
    const name = /^# ([\w-]+\.yaml)\n/.exec(text)?.[1]
    if (name !== undefined) writeFileSync(join(folder, name), text)
  }
}

/**
 * Writes every block of TypeScript into a folder, by the name that its first line says: `// my-balancer.ts: what it is`.
 * @returns the names
 */
export function writeFiles(page: Page, folder: string): string[] {
  return blocksIn(page, 'ts').map(({ text, place }) => {
    const name = /^\/\/ ([\w-]+\.ts):/.exec(text)?.[1]
    if (name === undefined) throw new Error(`${place}: the first line does not name the file`)
    writeFileSync(join(folder, name), text)
    return name
  })
}

/** The block, and below it frontends or backends where it has none. */
export function completed({ text }: Block): string {
  const tree = parse(text) as Tree
  if (!('frontends' in tree) && !('backends' in tree)) return text + frontend('app', 0) + backends(['app'])
  if (!('backends' in tree)) {
    const used = Object.values(tree.frontends!).flatMap((each) => [
      each.backend,
      ...(each.routes ?? []).map(({ backend }) => backend),
    ])
    return text + backends([...new Set(used.filter((name) => name !== undefined))])
  }
  if ('frontends' in tree) return text
  return `${text}frontends:\n${Object.keys(tree.backends)
    .map((name, i) => frontend(name, i).replace('frontends:\n', ''))
    .join('')}`
}

const frontend = (name: string, i: number): string =>
  `frontends:\n  to-${name}: { bind: ':${9000 + i}', backend: ${name} }\n`
const backends = (names: readonly string[]): string =>
  `backends:\n${names.map((name) => `  ${name}: { servers: ['127.0.0.1:1'] }\n`).join('')}`

let made: Promise<Record<'ec' | 'other' | 'rsa' | 'ca', CertificateAndKey>> | null = null

async function makeAll() {
  const names = ['localhost', 'example.com']
  const [ec, other, rsa, ca] = await Promise.all([
    makeCertificate({ names }),
    makeCertificate({ names: ['other.example'] }),
    makeCertificate({ names, keyType: 'rsa' }),
    makeAuthority(),
  ])
  return { ec, other, rsa, ca }
}

/** What a passphrase file holds, and what keys that are encrypted by their name are encrypted with. */
const passphrase = 'secret'

const encrypted = (key: string): string =>
  createPrivateKey(key).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase })

/**
 * Writes every `*.pem` that a text names into a folder, and what else goes with certificates; what is in a file follows from
 * its name.
 */
export async function writeCertificates(text: string, folder: string): Promise<void> {
  for (const [, name] of text.matchAll(/\bfolder: ([\w-]+)/g)) mkdirSync(join(folder, name!), { recursive: true })
  for (const [, name] of text.matchAll(/\bpassphrase_file: ([\w.-]+)/g)) writeFileSync(join(folder, name!), passphrase)
  for (const [, name] of text.matchAll(/\bkey_file: ([\w.-]+)/g))
    writeFileSync(join(folder, name!), randomBytes(32).toString('base64'))
  const names = [...text.matchAll(/[\w./-]+\.pem\b/g)].map(([name]) => name)
  if (names.length === 0) return
  const { ec, other, rsa, ca } = await (made ??= makeAll())
  for (const name of names) {
    if (name.includes('/')) throw new Error(`${name}: examples name certificates in the folder of the file`)
    const { cert, key } = name.includes('rsa') ? rsa : name.includes('ca.') ? ca : name.includes('other') ? other : ec
    const content = /encrypted/.test(name)
      ? encrypted(key)
      : /key/.test(name)
        ? key
        : /chain|ca\./.test(name)
          ? cert
          : cert + key
    if (!existsSync(join(folder, name))) writeFileSync(join(folder, name), content)
  }
}

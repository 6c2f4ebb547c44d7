// Certificates as a person reads them: tables for a list, lines for one. Pure: the clock and the colours are handed in.
import type { PutOutcome } from '../control/certificates/manager.ts'
import type { AcmeStatus, CertificateDetails, CertificateInfo, CertificateList } from '../control/certificates/types.ts'
import { right, table, tint, type Cell, type Colour, type Style } from './table.ts'

const NAMES_SHOWN = 3
const RED_DAYS = 3
const YELLOW_DAYS = 14

export function certificatesText({ certificates, uses, problems }: CertificateList, style: Style): string {
  if (certificates.length + problems.length === 0) return 'There are no certificates.'
  const rows = certificates.map((each): Cell[] => [
    { text: each.canary === null ? each.name : `${each.name} (on trial: ${each.canary} %)` },
    { text: each.kind, ...(each.kind === 'placeholder' ? { colour: 'red' as const } : {}) },
    { text: some(each.names) },
    { text: each.keyType },
    { text: issuerOf(each) },
    { ...right(String(each.daysLeft)), ...colourOf(each.daysLeft) },
    { text: each.version === null ? '' : String(each.version), right: true },
    { text: each.binds.length === 0 ? '-' : some(each.binds) },
  ])
  const lines = table(['NAME', 'KIND', 'NAMES', 'KEY', 'ISSUER', 'DAYS', 'VERSION', 'BINDS'], rows, style)
  const used = uses.map(({ bind, name, by, at }) => `${bind} serves ${name} by word of ${by} at ${timeText(at)}`)
  const bad = problems.map(({ path, problem, servesOld }) =>
    tint(`${path}: ${problem}${servesOld ? ' What it was before is served still.' : ''}`, 'yellow', style),
  )
  return [...lines, ...(used.length > 0 ? ['', ...used] : []), ...(bad.length > 0 ? ['', ...bad] : [])].join('\n')
}

export function detailsText(found: CertificateDetails, style: Style): string {
  const { name, kind, version, names, keyType, subject, issuer, serial, fingerprint, notBefore, notAfter } = found
  const { daysLeft, chainLength, binds, ocsp, versions, id, path } = found
  const facts = [
    ['name', name],
    ['kind', version === null ? kind : `${kind}, version ${version}`],
    ...(path === null || path === '/' ? [] : [['path', path] as const]),
    ['names', names.join(', ')],
    ['key', keyType],
    ['subject', subject],
    ['issuer', issuer],
    ['serial', serial],
    ['SHA-256', fingerprint],
    ['valid', `${timeText(notBefore)} to ${timeText(notAfter)} (${daysLeft} days left)`],
    ['chain', `${chainLength} ${chainLength === 1 ? 'certificate' : 'certificates'}`],
    ['OCSP', ocsp],
    ['binds', binds.length === 0 ? 'none serves it' : binds.join(', ')],
    ['id', id],
  ] as const
  const lines = facts.map(([word, text]) => `${tint(word.padEnd(9), 'bold', style)}${text}`)
  const rows = versions.map((each): Cell[] => [
    { text: String(each.version), right: true },
    { text: each.current ? 'current' : '' },
    { text: timeText(each.storedAt) },
    { text: timeText(each.notAfter) },
    { text: each.by },
    { text: each.fingerprint.slice(0, 16) },
  ])
  const titles = ['VERSION', 'IS', 'PUT', 'VALID UNTIL', 'BY', 'SHA-256']
  return (rows.length === 0 ? lines : [...lines, '', ...table(titles, rows, style)]).join('\n')
}

export function putText({ certificate, warnings, changed }: PutOutcome): string {
  const { name, version, binds, canary, names } = certificate
  const words = !changed
    ? `${name} is this very certificate already (version ${version}): nothing has changed.`
    : `${name} is stored as version ${version} (${some(names)}).`
  const served =
    canary !== null
      ? `It is on trial in ${canary} % of the handshakes.`
      : binds.length > 0
        ? `Served by ${binds.join(', ')}.`
        : `No bind serves it yet: weir cert use FRONTEND ${name}`
  return [...warnings.map((warning) => `Warning: ${warning}`), words, served].join('\n')
}

export function ordersText(orders: readonly AcmeStatus[], style: Style): string {
  if (orders.length === 0) return 'No certificates are ordered.'
  const rows = orders.map(({ names, state, challenge, notAfter, renewAt, tries, nextTry, lastError }): Cell[] => [
    { text: some(names) },
    { text: state, ...(state === 'failed' ? { colour: 'red' as const } : {}) },
    { text: challenge },
    { text: notAfter === null ? '-' : timeText(notAfter) },
    { text: renewAt === null ? '-' : timeText(renewAt) },
    { text: tries === 0 ? '' : String(tries), right: true },
    { text: nextTry === null ? '' : timeText(nextTry) },
    { text: lastError ?? '' },
  ])
  return table(
    ['NAMES', 'STATE', 'CHALLENGE', 'VALID UNTIL', 'RENEWED', 'TRIES', 'NEXT TRY', 'LAST ERROR'],
    rows,
    style,
  ).join('\n')
}

const some = (list: readonly string[]): string =>
  list.length > NAMES_SHOWN
    ? `${list.slice(0, NAMES_SHOWN).join(', ')} and ${list.length - NAMES_SHOWN} more`
    : list.join(', ')

/** The common name of the issuer, where it has one. */
const issuerOf = ({ issuer, subject }: CertificateInfo): string =>
  issuer === subject
    ? 'itself'
    : (/^CN=((?:[^,\\]|\\.)*)|, CN=((?:[^,\\]|\\.)*)/
        .exec(issuer)
        ?.slice(1)
        .find((each) => each) ?? issuer)

function colourOf(days: number): { readonly colour?: Colour } {
  if (days < RED_DAYS) return { colour: 'red' }
  return days < YELLOW_DAYS ? { colour: 'yellow' } : {}
}

/** '2026-11-22 20:51' */
const timeText = (iso: string): string => iso.slice(0, 16).replace('T', ' ')

// What there is to see of the certificates: the list, one in detail, and what status and readiness go by. Read from what the
// keeper and the store have anyway.
import { factsOf } from './held.ts'
import type { CertificateKeeper } from './keeper.ts'
import { unknown } from './refusal.ts'
import type { CertificateStore } from './store.ts'
import type {
  CertificateDetails,
  CertificateInfo,
  CertificateList,
  CertificateSummary,
  FileProblem,
  HeldCertificate,
} from './types.ts'

const DAY = 86_400_000
/** A certificate that ends within this is worth a line in `weir status`. */
const SOON_DAYS = 14
/** X.509 of this many is read at a time, some 0.05 ms each. */
const SLICE = 100

export interface Catalogue {
  readonly keeper: CertificateKeeper
  readonly store: CertificateStore
  readonly problems: readonly FileProblem[]
}

/** All that there are. The first time, ten thousand take half a second, in which other things go on. */
export async function listCertificates(catalogue: Catalogue): Promise<CertificateList> {
  const { keeper, store, problems } = catalogue
  const serving = servingOf(keeper)
  const certificates: CertificateInfo[] = []
  for (const [i, held] of keeper.held.entries()) {
    if (i % SLICE === SLICE - 1) await new Promise((resolve) => setImmediate(resolve))
    certificates.push(info(catalogue, held, serving.get(held) ?? []))
  }
  return { certificates, uses: store.uses, problems }
}

/** @throws Refusal when there is none of that name */
export function showCertificate(catalogue: Catalogue, name: string): CertificateDetails {
  const { keeper, store } = catalogue
  const stored = store.get(name)
  const { held } = keeper
  const found = stored?.held ?? held.find((each) => each.name === name)
  if (found === undefined) throw unknown('certificate', name, [...new Set(held.map((each) => each.name))])
  const versions = stored?.versions.map((each) => ({ ...each, current: each.version === stored.current })) ?? []
  return { ...infoIn(catalogue, found), versions }
}

export const infoIn = (catalogue: Catalogue, held: HeldCertificate): CertificateInfo =>
  info(catalogue, held, servingOf(catalogue.keeper).get(held) ?? [])

/** Ids of the binds that serve a certificate of the store. */
export const bindsOf = ({ serving }: CertificateKeeper, name: string): readonly string[] =>
  serving.filter(({ list }) => list.some((held) => held.kind === 'store' && held.name === name)).map(({ bind }) => bind)

export function summarize({ keeper, problems }: Catalogue, now: number): CertificateSummary {
  const { serving } = keeper
  const ends = new Map<HeldCertificate, string[]>()
  for (const { bind, list } of serving) {
    for (const held of list) {
      if (held.kind === 'placeholder' || held.notAfter - now > SOON_DAYS * DAY) continue
      ends.set(held, [...(ends.get(held) ?? []), bind])
    }
  }
  const expiring = [...ends]
    .toSorted(([a], [b]) => a.notAfter - b.notAfter)
    .map(([{ name, notAfter }, binds]) => {
      return { name, notAfter: new Date(notAfter).toISOString(), daysLeft: daysUntil(notAfter, now), binds }
    })
  return { placeholders: placeholdersIn(keeper), expiring, problems }
}

/** Ids of the binds that serve a placeholder, or nothing at all. */
export const placeholdersIn = ({ serving }: Pick<CertificateKeeper, 'serving'>): readonly string[] =>
  serving.filter(({ list }) => list.every(({ kind }) => kind === 'placeholder')).map(({ bind }) => bind)

/** Ids of the binds by what they serve. */
function servingOf({ serving }: CertificateKeeper): ReadonlyMap<HeldCertificate, readonly string[]> {
  const binds = new Map<HeldCertificate, string[]>()
  for (const { bind, list, trial } of serving) {
    for (const held of trial === null ? list : [...list, trial.certificate]) {
      const others = binds.get(held)
      if (others === undefined) binds.set(held, [bind])
      else others.push(bind)
    }
  }
  return binds
}

function info({ keeper, store }: Catalogue, held: HeldCertificate, binds: readonly string[]): CertificateInfo {
  const { name, kind, spec } = held
  const { subject, issuer, serial, fingerprint, notBefore, notAfter, chainLength } = factsOf(spec)
  const stored = kind === 'store' ? store.get(name) : undefined
  const trial = keeper.trials.get(name)
  const isTrial = trial?.certificate === held
  const version = isTrial ? stored?.trial : stored?.current
  return {
    name,
    kind,
    id: spec.id,
    names: spec.names,
    keyType: spec.keyType,
    subject,
    issuer,
    serial,
    fingerprint,
    notBefore: new Date(notBefore).toISOString(),
    notAfter: new Date(notAfter).toISOString(),
    daysLeft: daysUntil(notAfter, Date.now()),
    chainLength,
    binds,
    path: stored?.path ?? null,
    version: version ?? null,
    storedAt: stored?.versions.find((each) => each.version === version)?.storedAt ?? null,
    canary: isTrial ? trial.share * 100 : null,
    ocsp: keeper.hasStaple(spec.id) ? 'stapled' : keeper.isRevoked(spec.id) ? 'revoked' : 'none',
  }
}

/** Whole days; negative when it is past. */
const daysUntil = (time: number, now: number): number => Math.floor((time - now) / DAY)

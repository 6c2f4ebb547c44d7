// What each bind serves, out of all that Weir holds: the certificates of its configuration in their order; before them the one
// that an operator put there (`weir cert use`); one on trial beside the one that it is to replace; and where there is nothing
// yet, a placeholder. Pure: who holds what is the business of keeper.ts.
import type { BindConfig, Config } from '../../config/config.ts'
import type { CertificateSource, TlsConfig } from '../../config/config-tls.ts'
import type { BindCertificates, CanarySpec, CertificatesChange, CertificateSpec } from '../../messages/tls.ts'
import type { HeldCertificate } from './types.ts'

/** What there is to serve. */
export interface Stock {
  /** What a source has now. */
  readonly of: (source: CertificateSource) => readonly HeldCertificate[]
  /** Of the store. */
  readonly stored: (name: string) => HeldCertificate | undefined
  /** Names in the store, by the id of the bind that is to serve them first. */
  readonly uses: ReadonlyMap<string, string>
  /** By name in the store. */
  readonly trials: ReadonlyMap<string, Trial>
  /** For a bind with nothing else; undefined: none was made. */
  readonly placeholder: (sources: readonly CertificateSource[]) => HeldCertificate | undefined
}

export interface Trial {
  readonly certificate: HeldCertificate
  /** 0 to 1. */
  readonly share: number
}

/** All that workers have, or are about to. */
export interface Served {
  readonly certificates: ReadonlyMap<string, CertificateSpec>
  readonly binds: ReadonlyMap<string, BindCertificates>
}

/** What one bind serves. */
export interface Composition {
  readonly bind: string
  /** In order: the first is the default. */
  readonly list: readonly HeldCertificate[]
  /** On trial; not in the list. */
  readonly trial: { readonly certificate: HeldCertificate; readonly spec: CanarySpec } | null
}

export type TlsBind = BindConfig & { readonly tls: TlsConfig }

export const tlsBindsOf = (config: Config): readonly TlsBind[] =>
  config.frontends.flatMap(({ binds }) => binds).filter((bind): bind is TlsBind => bind.tls !== null)

export function compose({ id: bind, tls }: TlsBind, stock: Stock): Composition {
  const configured = tls.certificates.flatMap((source) => stock.of(source))
  const first = stock.stored(stock.uses.get(bind) ?? '')
  const list = first === undefined ? configured : [first, ...configured.filter((other) => !covers(first, other))]
  if (list.length > 0) return { bind, list, trial: trialAmong(list, stock.trials) }
  const placeholder = stock.placeholder(tls.certificates)
  return { bind, list: placeholder === undefined ? [] : [placeholder], trial: null }
}

/** Whether each name of one is a name of the other: then the other can take its place. */
const covers = ({ spec }: HeldCertificate, other: HeldCertificate): boolean => {
  const names = new Set(spec.names)
  return other.spec.names.every((name) => names.has(name) || names.has(name.replace(/^[^.]*/, '*')))
}

function trialAmong(list: readonly HeldCertificate[], trials: Stock['trials']): Composition['trial'] {
  if (trials.size === 0) return null
  for (const { name, kind, spec } of list) {
    const trial = kind === 'store' ? trials.get(name) : undefined
    if (trial === undefined || trial.certificate.spec.id === spec.id) continue
    const { certificate, share } = trial
    return { certificate, spec: { id: certificate.spec.id, replaces: spec.id, share } }
  }
  return null
}

export function servedBy(config: Config, stock: Stock): Served {
  const certificates = new Map<string, CertificateSpec>()
  const binds = new Map<string, BindCertificates>()
  for (const each of tlsBindsOf(config)) {
    const { bind, list, trial } = compose(each, stock)
    const specs = list.map(({ spec }) => spec)
    if (trial !== null) specs.push(trial.certificate.spec)
    for (const spec of specs) certificates.set(spec.id, spec)
    binds.set(bind, { ids: [...new Set(specs.map(({ id }) => id))], canary: trial?.spec ?? null })
  }
  return { certificates, binds }
}

/** From one to the other, with nothing in it that is the same in both. */
export function changeTo(before: Served, after: Served): CertificatesChange {
  return {
    added: [...after.certificates.values()].filter(({ id }) => !before.certificates.has(id)),
    removed: [...before.certificates.keys()].filter((id) => !after.certificates.has(id)),
    binds: Object.fromEntries([...after.binds].filter(([id, served]) => !isSame(served, before.binds.get(id)))),
    staples: {},
  }
}

function isSame(a: BindCertificates, b: BindCertificates | undefined): boolean {
  if (b === undefined || a.ids.length !== b.ids.length || a.ids.some((id, i) => id !== b.ids[i])) return false
  const [one, other] = [a.canary, b.canary]
  if (one === null || other === null) return one === other
  return one.id === other.id && one.replaces === other.replaces && one.share === other.share
}

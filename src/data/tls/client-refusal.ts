// Why a client's certificate is refused: the reason that is counted, and the alert that the client gets for it. By the names
// that Node has for what OpenSSL finds; of several faults the one that it found last counts.
import type { ReasonCode } from '../../model/reasons.ts'
import { alerts, type Alert } from './alert.ts'

export interface Refusal {
  readonly reason: ReasonCode
  readonly alert: Alert
}

/** OpenSSL refuses it, with an alert of its own, where one is required. */
export const MISSING: Refusal = { reason: 'client_certificate_missing', alert: alerts.badCertificate }
/** Its dates. */
export const EXPIRED: Refusal = { reason: 'client_certificate_expired', alert: alerts.certificateExpired }
/** No authority of the bind is at the end of its chain. */
export const UNKNOWN: Refusal = { reason: 'client_certificate_unknown', alert: alerts.unknownCa }
/** Its chain is too long. */
export const TOO_DEEP: Refusal = { reason: 'client_certificate_depth', alert: alerts.unknownCa }
/** Nothing good tells whether it is revoked. */
export const UNCHECKED: Refusal = { reason: 'client_certificate_unchecked', alert: alerts.certificateUnknown }
const REVOKED: Refusal = { reason: 'client_certificate_revoked', alert: alerts.certificateRevoked }
const WRONG_KIND: Refusal = { reason: 'client_certificate', alert: alerts.unsupportedCertificate }
const WRONG: Refusal = { reason: 'client_certificate', alert: alerts.badCertificate }

const refusals: Readonly<Record<string, Refusal>> = {
  CERT_HAS_EXPIRED: EXPIRED,
  CERT_NOT_YET_VALID: EXPIRED,
  CERT_REVOKED: REVOKED,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN,
  CERT_CHAIN_TOO_LONG: TOO_DEEP,
  PATH_LENGTH_EXCEEDED: TOO_DEEP,
  UNABLE_TO_GET_CRL: UNCHECKED,
  CRL_HAS_EXPIRED: UNCHECKED,
  CRL_NOT_YET_VALID: UNCHECKED,
  CRL_SIGNATURE_FAILURE: UNCHECKED,
  UNABLE_TO_DECRYPT_CRL_SIGNATURE: UNCHECKED,
  INVALID_PURPOSE: WRONG_KIND,
  INVALID_CA: WRONG_KIND,
}

/** @param code as Node has it: 'CERT_HAS_EXPIRED' */
export const refusalFor = (code: string | undefined): Refusal => refusals[code ?? ''] ?? WRONG

// Requests and answers of OCSP (RFC 6960, in the profile of RFC 5019: one certificate, no nonce, so that an answer may be handed on
// to clients). An answer counts only when it is about this very certificate, is valid now, and is signed by the issuer or by whom
// the issuer has named for that. ASN.1 is the business of pkijs; where answers come from, and when, is ocsp.ts.
import { createHash, X509Certificate } from 'node:crypto'
import {
  BasicOCSPResponse,
  Certificate,
  getCrypto,
  id_PKIX_OCSP_Basic,
  OCSPRequest,
  OCSPResponse,
  type SingleResponse,
} from 'pkijs'
import { certificatesIn } from './held.ts'

/** As pkijs has it, which is ASN.1's own. */
interface OctetString {
  readonly valueBlock: { readonly valueHexView: Uint8Array }
}

/** A certificate that names a responder, with what an answer about it is held against. */
export interface OcspSubject {
  /** URL of the responder, http or https. */
  readonly responder: string
  readonly leaf: X509Certificate
  readonly issuer: X509Certificate
}

export interface OcspAnswer {
  readonly status: 'good' | 'revoked' | 'unknown'
  /** Milliseconds since the epoch. */
  readonly thisUpdate: number
  /** null: the responder would have something newer at any time. */
  readonly nextUpdate: number | null
}

/** An answer that is not to be relied upon, in words. */
export class OcspError extends Error {}

/** Extended key usage of who may sign answers in place of the issuer (RFC 6960, section 4.2.2.2). */
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9'
/** By which clocks may differ, in ms. */
const SKEW = 300_000
/** OCSPResponseStatus (RFC 6960, section 4.2.1); 0 is success, 4 is not used. */
const statuses: Readonly<Record<number, string>> = {
  1: 'it calls the request malformed',
  2: 'it has an internal error',
  3: 'it asks to be tried later',
  5: 'it wants a signed request',
  6: 'it does not answer for this certificate',
}

/**
 * What can be asked about the leaf of a chain.
 * @param chain PEM, leaf first
 * @returns null when it names no responder, or when its issuer is not in the chain
 */
export function subjectOf(chain: string): OcspSubject | null {
  const [first, ...others] = certificatesIn(chain)
  if (first === undefined) return null
  const leaf = new X509Certificate(first)
  const responder = responderOf(leaf)
  if (responder === null) return null
  const issuer = others.map((pem) => new X509Certificate(pem)).find((each) => hasIssued(each, leaf))
  return issuer === undefined ? null : { responder, leaf, issuer }
}

/** The first OCSP location of the authority information access (RFC 5280, section 4.2.2.1) that HTTP can reach. */
function responderOf({ infoAccess }: X509Certificate): string | null {
  const url = /^OCSP - URI:(?:"([^"]+)"|(\S+))$/m.exec(infoAccess ?? '')
  const text = url?.[1] ?? url?.[2]
  return text !== undefined && /^https?:\/\//i.test(text) && URL.canParse(text) ? text : null
}

const hasIssued = (issuer: X509Certificate, subject: X509Certificate): boolean =>
  subject.checkIssued(issuer) && subject.verify(issuer.publicKey)

/** @returns DER */
export async function requestFor({ leaf, issuer }: OcspSubject): Promise<Uint8Array> {
  const request = new OCSPRequest()
  // SHA-1 names the certificate and protects nothing; responders know no other (RFC 5019, section 2.1.1).
  const parameters = { hashAlgorithm: 'SHA-1', issuerCertificate: parsed(issuer) }
  await request.createForCertificate(parsed(leaf), parameters)
  return new Uint8Array(request.toSchema(true).toBER())
}

/**
 * Reads an answer and checks all of it.
 * @param der as the responder sent it
 * @param now milliseconds since the epoch
 * @throws OcspError with the reason why it is not to be relied upon
 */
export async function readAnswer(der: Uint8Array, subject: OcspSubject, now: number): Promise<OcspAnswer> {
  const basic = basicResponse(der)
  const signer = signersOf(basic, subject, now).find((each) => isResponder(basic, each))
  if (signer === undefined) throw new OcspError('the answer is signed by somebody whom the issuer has not named')
  if (!(await isSignedBy(basic, signer))) throw new OcspError('the signature of the answer is wrong')
  const single = await about(basic, subject)
  if (single === undefined) throw new OcspError('the answer is about another certificate')
  const thisUpdate = single.thisUpdate.getTime()
  const nextUpdate = single.nextUpdate?.getTime() ?? null
  if (thisUpdate > now + SKEW) throw new OcspError('the answer is from the future')
  if (nextUpdate !== null && nextUpdate <= now) throw new OcspError('the answer is out of date')
  return { status: statusOf(single), thisUpdate, nextUpdate }
}

function basicResponse(der: Uint8Array): BasicOCSPResponse {
  let response: OCSPResponse
  try {
    response = OCSPResponse.fromBER(der)
  } catch {
    throw new OcspError('the answer is no OCSP response')
  }
  const status = response.responseStatus.valueBlock.valueDec
  if (status !== 0) throw new OcspError(statuses[status] ?? `it answers with the unknown status ${status}`)
  const { responseBytes } = response
  if (responseBytes?.responseType !== id_PKIX_OCSP_Basic) throw new OcspError('the answer is of an unknown kind')
  try {
    return BasicOCSPResponse.fromBER(responseBytes.response.valueBlock.valueHexView)
  } catch {
    throw new OcspError('the answer is damaged')
  }
}

/** Who may sign: the issuer itself, and those in the answer that it has named for that and that are valid now. */
function signersOf(
  { certs = [] }: BasicOCSPResponse,
  { issuer }: OcspSubject,
  now: number,
): readonly X509Certificate[] {
  const delegates = certs.map((each) => new X509Certificate(Buffer.from(each.toSchema().toBER())))
  return [
    issuer,
    ...delegates.filter(
      (each) =>
        usesOf(each).includes(OCSP_SIGNING) &&
        hasIssued(issuer, each) &&
        each.validFromDate.getTime() <= now + SKEW &&
        each.validToDate.getTime() >= now,
    ),
  ]
}

/** Extended key usage; Node says undefined where there is none, and its types do not know. */
const usesOf = ({ keyUsage }: X509Certificate): readonly string[] => keyUsage ?? []

/** Whether the answer says that it comes from this one: by name, or by the SHA-1 of the key (ResponderID). */
function isResponder({ tbsResponseData }: BasicOCSPResponse, candidate: X509Certificate): boolean {
  const { subject, subjectPublicKeyInfo } = parsed(candidate)
  const { responderID: id } = tbsResponseData
  if (typeof id.isEqual === 'function' && 'typesAndValues' in id) return id.isEqual(subject) as boolean
  const hash = createHash('sha1').update(subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView).digest()
  return hash.equals((id as OctetString).valueBlock.valueHexView)
}

async function isSignedBy(basic: BasicOCSPResponse, signer: X509Certificate): Promise<boolean> {
  const { tbsResponseData, signature, signatureAlgorithm } = basic
  const key = parsed(signer).subjectPublicKeyInfo
  try {
    return await getCrypto(true).verifyWithPublicKey(tbsResponseData.tbsView, signature, key, signatureAlgorithm)
  } catch {
    return false // the algorithm is none that goes with the key
  }
}

async function about(basic: BasicOCSPResponse, { leaf, issuer }: OcspSubject): Promise<SingleResponse | undefined> {
  for (const single of basic.tbsResponseData.responses) {
    const { certID } = single
    const wanted = new OCSPRequest()
    const hashAlgorithm = getCrypto(true).getAlgorithmByOID(certID.hashAlgorithm.algorithmId) as { name?: string }
    if (hashAlgorithm.name === undefined) continue
    await wanted.createForCertificate(parsed(leaf), {
      hashAlgorithm: hashAlgorithm.name,
      issuerCertificate: parsed(issuer),
    })
    if (wanted.tbsRequest.requestList[0]!.reqCert.isEqual(certID)) return single
  }
  return undefined
}

/** CertStatus is a choice told by its tag: [0] good, [1] revoked, [2] unknown. */
function statusOf({ certStatus }: SingleResponse): OcspAnswer['status'] {
  const { tagNumber } = (certStatus as { idBlock: { tagNumber: number } }).idBlock
  return tagNumber === 0 ? 'good' : tagNumber === 1 ? 'revoked' : 'unknown'
}

const parsed = ({ raw }: X509Certificate): Certificate => Certificate.fromBER(raw)

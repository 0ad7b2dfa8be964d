/** What the reverse name of a client means under the admin's terms. Pure. */
import type { Breach, Judgement, ReverseName } from 'posthouse/api'
import { printable } from 'posthouse/text'
import type { Terms } from './config.js'

/** Names of a peer in one line of log. */
const SHOWN = 5

export function judge(found: ReverseName, address: string, terms: Terms): Judgement {
  if (terms.require === 'none') return []
  switch (found.kind) {
    case 'confirmed':
      return []
    case 'unknown':
      return [{ kind: 'unknown', rule: 'rdns-unknown', why: found.why }]
    case 'none':
      return [breach('rdns-missing', `${address} has no name`, 'Your address has no reverse name', address, terms)]
    case 'unconfirmed': {
      if (terms.require === 'name') return []
      const names = printable(found.names.slice(0, SHOWN).join(', '), 500)
      const evidence = `${names}: none leads back to ${address}`
      return [
        breach(
          'rdns-unconfirmed',
          evidence,
          'The reverse name of your address does not lead back to it',
          address,
          terms,
        ),
      ]
    }
  }
}

function breach(rule: string, evidence: string, text: string, address: string, terms: Terms): Breach {
  return {
    kind: 'breach',
    answer: terms.answer,
    points: terms.points,
    text,
    // RFC 7372 §3.3: reverse DNS validation failed.
    detail: '7.25',
    because: { rule, evidence, exception: `add ${address} to exempt of reverse-dns in plugins.yaml` },
  }
}

/** For later entries of plugins.yaml. Nothing for trouble: then nobody knows. */
export function labelOf(found: ReverseName): string | undefined {
  switch (found.kind) {
    case 'confirmed':
      return 'rdns-confirmed'
    case 'none':
      return 'rdns-missing'
    case 'unconfirmed':
      return 'rdns-unconfirmed'
    case 'unknown':
      return undefined
  }
}

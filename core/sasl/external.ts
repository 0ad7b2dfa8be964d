/**
 * EXTERNAL (RFC 4422 appendix A): the TLS layer knows who the client is, by its certificate. The response is the login that the client
 * wishes, or empty for the one that the certificate stands for; whether it may have it is the plugin's word.
 */
import { isUtf8 } from 'node:buffer'
import type { ClientCertificate } from '../api/index.js'
import { prepareName } from '../text/index.js'
import { challenge, MAX_NAME, type Machine, malformed, refused } from './mechanism.js'

export function external(certificate: ClientCertificate): Machine {
  return {
    respond(response) {
      if (response === undefined) return challenge('')
      // RFC 4422 appendix A.1: UTF-8 without NUL
      if (!isUtf8(response) || response.includes(0)) return malformed('Expected a login in UTF-8, or nothing')
      const wished = response.toString('utf8')
      const login = wished === '' ? '' : prepareName(wished)
      if (login === undefined || login.length > MAX_NAME) return refused('no such login can be')
      return { kind: 'check', credentials: { kind: 'certificate', mechanism: 'EXTERNAL', login, certificate } }
    },
  }
}

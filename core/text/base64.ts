/** Base64 of RFC 4648 §4, read strictly: what SASL exchanges travel in. */

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** `undefined` when it is not base64: other characters, blanks and missing padding included. The empty text is no octets. */
export function readBase64(text: string): Buffer | undefined {
  return BASE64.test(text) ? Buffer.from(text, 'base64') : undefined
}

/** xtext (RFC 3461 §4): how SMTP parameters carry text that may hold spaces, `+` and `=`. Pure. */

/** `+40` stands for `@`. What is no such pair stays as it is. */
export function unXtext(text: string): string {
  return text.replace(/\+([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

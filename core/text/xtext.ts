/** xtext (RFC 3461 §4) and unitext (RFC 6533 §3): how SMTP parameters carry text that may hold spaces, `+`, `=` or UTF-8. Pure. */

/** `+40` stands for `@`. What is no such pair stays as it is. */
export function unXtext(text: string): string {
  return text.replace(/\+([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** UTF-8 as ASCII: `\x{E4}` stands for `ä`. */
export function toUnitext(text: string): string {
  return text.replace(
    /[^!-*,-<>-[\]-~]/gu,
    char => `\\x{${char.codePointAt(0)!.toString(16).toUpperCase().padStart(2, '0')}}`,
  )
}

/** What is no such sequence stays as it is. */
export function fromUnitext(text: string): string {
  return text.replace(/\\x\{([0-9A-F]{2,6})\}/g, (whole, hex: string) => {
    const point = Number.parseInt(hex, 16)
    return point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff) ? whole : String.fromCodePoint(point)
  })
}

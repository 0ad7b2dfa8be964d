/**
 * SASLprep (RFC 4013) for login names: one form for what looks the same, so that two keyboards mean the same account.
 * As query strings: code points that Unicode had not assigned then are let through (RFC 3454 §7).
 */

/** RFC 3454 table B.1: commonly mapped to nothing. */
const NOTHING = /\u034f|[\u180b-\u180d]|[\ufe00-\ufe0f]|[\u00ad\u1806\u200b-\u200d\u2060\ufeff]/gu
/** RFC 3454 table C.1.2: spaces that are no ASCII space. */
const SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu
/** RFC 4013 §2.3: controls, private use, non-characters, lone surrogates, tags and what changes the display (tables C.2 to C.9). */
const PROHIBITED =
  /\u0340|\u0341|[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u06dd\u070f\u180e\u2028\u2029\u2061-\u2063\u206a-\u206f\ufff9-\ufffd\u2ff0-\u2ffb\u200e\u200f\u202a-\u202e\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u

/**
 * The prepared name; `undefined` when there is none: then no such account can be.
 * RFC 4013 §2.4 is left out: a name that mixes directions is compared like any other, and shown to nobody.
 */
export function prepareName(name: string): string | undefined {
  const prepared = name.replace(SPACES, ' ').replace(NOTHING, '').normalize('NFKC')
  return prepared === '' || PROHIBITED.test(prepared) ? undefined : prepared
}

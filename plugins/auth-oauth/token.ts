/** What a checker makes of a token, and what of its claims we believe: pure. */

export type Claims = Readonly<Record<string, unknown>>

export type Checked =
  | { readonly kind: 'claims'; readonly claims: Claims }
  /** `why` is for the log. */
  | { readonly kind: 'refused'; readonly why: string }

/** Throws `ProviderDown` when it cannot know. */
export type Checker = (token: string) => Promise<Checked>

/** The claim that names the login, when the token may be used for mail at all. */
export function loginOf(
  claims: Claims,
  { loginClaim, scopes }: { readonly loginClaim: string; readonly scopes: readonly string[] },
): { readonly login: string } | { readonly why: string } {
  const granted = scopesOf(claims)
  const missing = scopes.find(scope => !granted.has(scope))
  if (missing !== undefined) return { why: `scope ${missing} is missing` }
  // OpenID Connect Core §5.1: anybody can claim an address until the provider has seen a proof.
  if (loginClaim === 'email' && [false, 'false'].includes(claims.email_verified as never))
    return { why: 'the address is not verified' }
  const login = Object.hasOwn(claims, loginClaim) ? claims[loginClaim] : undefined
  if (typeof login !== 'string' || login === '' || login.length > 254) return { why: `claim ${loginClaim} is missing` }
  return { login }
}

/** RFC 8693 §4.2: `scope`, apart by spaces; `scp` is what some providers call it. */
function scopesOf({ scope, scp }: Claims): ReadonlySet<string> {
  const given = [scope, scp].flat(1).filter(one => typeof one === 'string')
  return new Set(given.flatMap(text => text.split(' ')))
}

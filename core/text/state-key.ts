/**
 * What stores of counters agree on about keys. A key is `plugin/kind/subject`; subjects are often chosen by strangers (their address, the
 * sender they claim), plugins and kinds are not. So keys of one plugin and kind are a family, and a full store takes from the largest
 * family: who floods one crowds out only its like. Odd kinds cannot make ever more families: they share a few per plugin.
 */
const FAMILIES_PER_PLUGIN = 64
/** What an entry costs beside its octets, and the grain of counting. */
const OVERHEAD = 128
const GRAIN = 64

/** A short name without odd characters. Bounded in number for one plugin. */
export function familyOf(key: string): string {
  const [plugin = '', kind = '', subject] = key.slice(0, 300).split('/', 3)
  const own = plugin.slice(0, 60).replace(/[^\w.@-]/g, '_')
  return subject === undefined ? own : `${own}/${bucket(kind)}`
}

/** What an entry counts against the size of a store, in octets: near what it takes, and the same for small changes of its value. */
export function costOf(key: string, value: string): number {
  return Math.ceil((OVERHEAD + 2 * Buffer.byteLength(key) + Buffer.byteLength(value)) / GRAIN) * GRAIN
}

/** The order of keys in lists: by code points, which is that of their UTF-8 octets. */
export function byKey(a: { readonly key: string }, b: { readonly key: string }): number {
  return Buffer.compare(Buffer.from(a.key), Buffer.from(b.key))
}

/** FNV-1a. */
function bucket(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % FAMILIES_PER_PLUGIN
}

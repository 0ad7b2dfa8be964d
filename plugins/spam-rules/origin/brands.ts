/**
 * Brands that a text speaks as, and whether anything about the mail is theirs. A brand that is only mentioned ("pay with PayPal", "follow us on
 * Facebook") is no claim; "your PayPal account", "the PayPal team" is. The names and domains are data: rules/look-alikes/brands.yaml, whose display names
 * and hosts the plugin look-alikes judges, and rules/look-alikes/spoken-for.yaml, of brands that send from so many domains that only their text can be judged.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { SiteBrand, SiteBrands } from 'posthouse/api'
import { domainKey, nameAndParents } from 'posthouse/text'
import type * as Yaml from 'yaml'
import type { Facts } from '../facts.js'
import { packageFolder } from '../package-folder.js'
import { type Folded, fold, foldWhole } from '../words/fold.js'

export interface Brand {
  readonly title: string
  readonly domains: Set<string>
  /** The name as it stands in domains; '' when it is too short to tell anything there. */
  readonly squeezed: string
}

interface Name {
  readonly words: readonly string[]
  readonly brand: Brand
}

export interface Claim {
  readonly brand: Brand
  /** As it was said: `your paypal account`. */
  readonly said: string
}

const SHORTEST_SQUEEZED = 4
const HEAD = 6000
const TAIL = 1500
const MOST_CLAIMS = 3

/** Words in front of a name, and behind it, that make it the one who speaks. */
const IN_FRONT = new Set(
  'your ihr ihre ihrem ihrer ihren dein deine deinem deiner votre vos tu su sus sua seu suo sua uw je jouw twoje twojego din ditt dear cher estimado liebe lieber hesabiniz ваш ваша вашего'.split(
    ' ',
  ),
)
const BEHIND = new Set(
  `account accounts wallet wallets id app card cards team support security service services customer customers client clients user users member members membership helpdesk billing
  subscription profile reward rewards storage mailbox email password webmail portal konto kunde kunden kundenservice kundenkonto team sicherheit compte client clientele assistance cuenta cliente
  clientes soporte seguridad conta suporte atendimento seguranca pontos conto clienti assistenza servizio klant rekening konta klienta staking airdrop department administrator online banking
  verification protection fatura cartao carte carta tarjeta delivery express package parcel paket colis paquete pacote pacco pakket prime kyc desktop vault`
    .split(/\s+/)
    .filter(word => word !== ''),
)
/** `© 2023 PayPal`: the foot of a page. */
const FOOT =
  /(?:©|\(c\)|copyright)\s{0,3}(?:(?:19|20)\d\d(?:\s{0,2}[-–]\s{0,2}(?:19|20)\d\d)?)?[\s,.]{0,4}([^\n.,|]{2,60})/gi
const MOST_FEET = 5
const SPACE = 32
const MARKS = 0x3fff

/** Names and domains to be looked up. Brands of the same title are one. */
export class BrandTable {
  readonly #byFirstWord = new Map<string, Name[]>()
  /** By a hash of first words. */
  readonly #marks = new Uint8Array(MARKS + 1)
  readonly #owners = new Map<string, Brand>()

  constructor(brands: readonly SiteBrand[]) {
    const byTitle = new Map<string, Brand>()
    for (const { brand: title, names = [title], domains } of brands) {
      const brand = byTitle.get(title) ?? brandOf(title)
      byTitle.set(title, brand)
      for (const written of domains) {
        // as hosts of links are written: an admin may have capitals or umlauts
        const domain = domainKey(written)
        brand.domains.add(domain)
        if (!this.#owners.has(domain)) this.#owners.set(domain, brand)
      }
      for (const written of names) this.#addName(fold(written).trim().split(' '), brand)
    }
    // The longest first: "Banco do Brasil" before a "Banco".
    for (const names of this.#byFirstWord.values()) names.sort((a, b) => b.words.length - a.words.length)
  }

  #addName(words: readonly string[], brand: Brand): void {
    const there = this.#byFirstWord.get(words[0]!) ?? []
    this.#byFirstWord.set(words[0]!, there)
    there.push({ words, brand })
    let hash = 0
    for (let at = 0; at < words[0]!.length; at++) hash = hashed(hash, words[0]!.charCodeAt(at))
    this.#marks[hash & MARKS] = 1
  }

  /** The numbers of words that names may begin with; of a few it says so without reason. */
  mayBeginIn({ codes }: Folded): readonly number[] {
    const places: number[] = []
    let hash = 0
    // A space stands in front of the first.
    for (let at = 1, word = 0; at < codes.length; at++) {
      const code = codes[at]!
      if (code !== SPACE) {
        hash = hashed(hash, code)
        continue
      }
      if (this.#marks[hash & MARKS] === 1) places.push(word)
      word++
      hash = 0
    }
    return places
  }

  /** The longest name that begins with this word. */
  nameAt(words: readonly string[], at: number): Name | undefined {
    const names = this.#byFirstWord.get(words[at]!)
    return names?.find(({ words: wanted }) => wanted.every((word, i) => words[at + i] === word))
  }

  /** By its own domains alone. */
  ownerOf(host: string): Brand | undefined {
    for (const name of nameAndParents(host)) {
      const brand = this.#owners.get(name)
      if (brand !== undefined) return brand
    }
    return undefined
  }
}

let read: readonly SiteBrand[] | undefined
let shipped: BrandTable | undefined

export function shippedBrands(): BrandTable {
  shipped ??= new BrandTable(readShipped())
  return shipped
}

/** Those that are shipped, without some, and an admin's own. */
export function brandsOf({ added, without }: SiteBrands): BrandTable {
  if (added.length === 0 && without.length === 0) return shippedBrands()
  const left = new Set(without.map(brand => fold(brand).trim()))
  return new BrandTable([...added, ...readShipped().filter(({ brand }) => !left.has(fold(brand).trim()))])
}

function readShipped(): readonly SiteBrand[] {
  // Seventy modules, which a start need not wait for.
  const { parse } = createRequire(import.meta.url)('yaml') as typeof Yaml
  read ??= ['brands.yaml', 'spoken-for.yaml'].flatMap(file => {
    const text = readFileSync(join(packageFolder(), 'rules/look-alikes', file), 'utf8')
    return (parse(text) as { readonly brands: readonly SiteBrand[] }).brands
  })
  return read
}

/** Of subject and text, each brand once. */
export function claimsIn(facts: Facts): readonly Claim[] {
  return facts.once(readClaims)
}

function readClaims(facts: Facts): readonly Claim[] {
  const table = facts.brands
  const body = facts.text('body')
  const text = body.length <= HEAD + TAIL ? body : `${body.slice(0, HEAD)} ${body.slice(-TAIL)}`
  const claims = new Map<Brand, Claim>()
  for (const claim of spoken(table, foldWhole(`${facts.text('subject')}\n${text}`))) {
    if (!claims.has(claim.brand)) claims.set(claim.brand, claim)
    if (claims.size >= MOST_CLAIMS) return [...claims.values()]
  }
  let feet = 0
  for (const [, name = ''] of text.matchAll(FOOT)) {
    if (++feet > MOST_FEET || claims.size >= MOST_CLAIMS) break
    const words = fold(name).trim().split(' ')
    const brand = table.nameAt(words, 0)?.brand
    if (brand !== undefined && !claims.has(brand)) claims.set(brand, { brand, said: `(c) ${words.join(' ')}` })
  }
  return [...claims.values()]
}

/** The text is cut into words only where there is one that a name may begin with. */
function* spoken(table: BrandTable, folded: Folded): Generator<Claim> {
  const places = table.mayBeginIn(folded)
  if (places.length === 0) return
  const words = folded.text.trim().split(' ')
  for (const at of places) {
    const name = table.nameAt(words, at)
    if (name === undefined) continue
    const end = at + name.words.length
    const front = at > 0 && IN_FRONT.has(words[at - 1]!)
    const behind = end < words.length && BEHIND.has(words[end]!)
    if (front || behind)
      yield { brand: name.brand, said: words.slice(front ? at - 1 : at, behind ? end + 1 : end).join(' ') }
  }
}

/** By its own domains, or by its name within a label: what only pretends so is the matter of the plugin look-alikes. */
export function isOf({ domains, squeezed }: Brand, host: string): boolean {
  for (const name of nameAndParents(host)) if (domains.has(name)) return true
  return (
    squeezed !== '' &&
    host
      .replaceAll('-', '')
      .split('.')
      .some(label => label.includes(squeezed))
  )
}

function brandOf(title: string): Brand {
  const squeezed = fold(title).replaceAll(' ', '')
  return {
    title,
    domains: new Set(),
    squeezed: squeezed.length >= SHORTEST_SQUEEZED && /^[a-z0-9]+$/.test(squeezed) ? squeezed : '',
  }
}

function hashed(hash: number, code: number): number {
  return (Math.imul(hash, 31) + code) | 0
}

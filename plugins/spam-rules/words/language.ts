/**
 * Which language a text is in, guessed cheaply: by script, and for Latin and Cyrillic script by the little words that every sentence has.
 * Good enough to choose a stemmer; a text too short to tell is of no language.
 */
import type { Folded } from './fold.js'

/** Little words, without accents as folded text has them. Those that several languages share speak for each of them. */
const LITTLE_WORDS = {
  en: 'the and you that for are with this have not your was but from they will would there what can about which their were has been when who more its our into than then them these could',
  de: 'der die und das ist nicht sie ich mit ein eine den von auf fur dem des sich auch wir ihr ihre ihnen wird haben oder bei aus nach zum zur sind wenn bitte noch uber nur einen einer',
  fr: 'le la les des et est vous une pour que dans nous votre vos sur avec pas par qui ce sont au aux plus ne cette etre ou mais bien avez merci du ont leur comme tout',
  es: 'el la los las que de y en un una por con para su se del al es no lo como mas usted esta pero le ha sus nos este si muy tiene desde cuando hasta porque gracias',
  it: 'il la che di e un una per con non del della sono si le lo gli nel alla dei da suo sua come piu ha questo questa ma anche delle se vostro grazie essere hanno stato',
  pt: 'o a os as que de e um uma para com nao do da dos das em por seu sua no na se voce mais como foi ao esta ou pelo pela mas obrigado sao tem isso este',
  nl: 'de het een en van is dat op te niet zijn voor met u uw je we wij aan er om ook als bij maar naar deze dit hebben wordt kunt heeft nog uit door geen',
  sv: 'och att det som en ar pa av for med den till inte har du ett om vi var men din jag sig fran eller kan nar ska dig',
  da: 'og at det som en er pa af for med den til ikke har du et om vi var men din jeg sig fra eller kan nar skal dig',
  pl: 'nie sie jest na w z do to ze i przez od dla jak ale pan pani oraz prosze twoje panstwa jego tym przy jako juz bardzo moze zostal ktory',
  tr: 've bir bu icin ile olarak daha cok ne da de var olan gibi sizin size lutfen degil ama kadar sonra hesabiniz tarafindan olan veya',
  ru: 'и в не на что с по это как для вы мы я вас но от из к у ваш ваши наш если или есть только все его они она был можно мне при',
  uk: 'і в не на що з для це як ви ми я вас але від до ваш якщо або є та про за його вони був можна мені при',
} as const

export type Spoken = keyof typeof LITTLE_WORDS

const SPOKEN = Object.keys(LITTLE_WORDS) as readonly Spoken[]
/** So many words tell it. */
const LOOKED_AT = 100
/** Little words are short: longer ones are not looked up. */
const LONGEST = 9
/** Fewer little words are chance. */
const ENOUGH = 3
const SPACE = 32
/**
 * By a hash of 32 bits, so that no word is cut out of the text: of seven hundred words in some tongues no other has the same. Two rows side by side, the hash
 * and a bit for each language; whoever finds their place taken goes on to the next.
 */
const SLOTS = 4096
const HASHES = new Int32Array(SLOTS)
const VOICES = new Int32Array(SLOTS)
learnVoices()

export function languageOf({ codes, starts }: Folded): Spoken | undefined {
  const counts = new Int32Array(SPOKEN.length)
  for (let next = 0, words = 0; next < starts.length && words < LOOKED_AT; next++) {
    const start = starts[next]!
    // A row without spaces counts as one word, and is none of these.
    if (codes[start - 1] !== SPACE) continue
    words++
    let at = start
    let hash = 0
    while (codes[at] !== SPACE && at - start <= LONGEST) hash = hashed(hash, codes[at++]!)
    if (at - start > LONGEST) continue
    let voices = VOICES[slotOf(hash)]!
    while (voices !== 0) {
      counts[31 - Math.clz32(voices)]!++
      voices &= ~(1 << (31 - Math.clz32(voices)))
    }
  }
  return mostOf(counts)
}

/** Nothing when two are equal. */
function mostOf(counts: Int32Array): Spoken | undefined {
  let best = 0
  let second = -1
  for (let language = 1; language < counts.length; language++) {
    if (counts[language]! > counts[best]!) [best, second] = [language, best]
    else if (second === -1 || counts[language]! > counts[second]!) second = language
  }
  return counts[best]! >= ENOUGH && counts[best]! > counts[second]! ? SPOKEN[best] : undefined
}

function learnVoices(): void {
  SPOKEN.forEach((language, number) => {
    for (const word of LITTLE_WORDS[language].split(' ')) {
      let hash = 0
      for (let at = 0; at < word.length; at++) hash = hashed(hash, word.charCodeAt(at))
      const slot = slotOf(hash)
      HASHES[slot] = hash
      VOICES[slot]! |= 1 << number
    }
  })
}

/** Where it is, or where it would be: nobody is there. */
function slotOf(hash: number): number {
  let slot = (hash ^ (hash >>> 15)) & (SLOTS - 1)
  while (VOICES[slot] !== 0 && HASHES[slot] !== hash) slot = (slot + 1) & (SLOTS - 1)
  return slot
}

function hashed(hash: number, code: number): number {
  return (Math.imul(hash, 0x01000193) + code) | 0
}

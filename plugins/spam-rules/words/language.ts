/**
 * Which language a text is in, guessed cheaply: by script, and for Latin and Cyrillic script by the little words that every sentence has.
 * Good enough to choose a stemmer; a text too short to tell is of no language.
 */

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
const VOICES = voices()
/** So many words tell it. */
const LOOKED_AT = 100
/** Fewer little words are chance. */
const ENOUGH = 3

/** Takes text as `fold` gives it. */
export function languageOf(folded: string): Spoken | undefined {
  const counts = new Int32Array(SPOKEN.length)
  let at = 1
  for (let words = 0; words < LOOKED_AT; words++) {
    const gap = folded.indexOf(' ', at)
    if (gap === -1) break
    // Little words are short: longer ones are not looked up.
    if (gap - at <= 9) for (const language of VOICES.get(folded.slice(at, gap)) ?? []) counts[language]!++
    at = gap + 1
  }
  let best = 0
  let second = 0
  counts.forEach((count, language) => {
    if (count > counts[best]!) best = language
  })
  counts.forEach((count, language) => {
    if (language !== best && count > second) second = count
  })
  return counts[best]! >= ENOUGH && counts[best]! > second ? SPOKEN[best] : undefined
}

function voices(): ReadonlyMap<string, readonly number[]> {
  const words = new Map<string, number[]>()
  SPOKEN.forEach((language, number) => {
    for (const word of new Set(LITTLE_WORDS[language].split(' '))) words.set(word, [...(words.get(word) ?? []), number])
  })
  return words
}

/**
 * The fixed words of notifications, in the languages we can speak: English, and the sender's own where their message says which (RFC 3282).
 * What a target or a peer said stays as it was said.
 */
import type { DsnAction } from './dsn.js'

export const LANGUAGES = ['en', 'de', 'fr'] as const
export type Language = (typeof LANGUAGES)[number]

export interface DsnWords {
  readonly subjects: Readonly<Record<DsnAction, string>>
  readonly openings: Readonly<Record<DsnAction, readonly string[]>>
  server(name: string): string
  tried(span: string): string
  readonly otherSaid: string
  until(date: string): string
  readonly spelling: string
  readonly full: string
  readonly tooLarge: string
  readonly refused: string
  since(date: string): string
  help(queueId: string, date: string): string
}

export const WORDS: Readonly<Record<Language, DsnWords>> = {
  en: {
    subjects: {
      failed: 'Undelivered mail returned to sender',
      delayed: 'Delayed mail, still being tried',
      delivered: 'Mail delivered',
      relayed: 'Mail passed on',
      expanded: 'Mail sent on to several addresses',
    },
    openings: {
      failed: [
        'Your message could not be delivered to the recipients below.',
        'It is not being tried any further. The message, or its header, is attached.',
      ],
      delayed: [
        'Your message has not been delivered to the recipients below yet.',
        'You need not send it again: it is still being tried.',
      ],
      delivered: ['Your message was delivered to the recipients below.'],
      relayed: [
        'Your message was passed on for the recipients below.',
        'Their mail server does not report deliveries, so this is the last you hear unless something goes wrong.',
      ],
      expanded: ['Your message was sent on to the several addresses that each of the recipients below stands for.'],
    },
    server: name => `This is the mail server ${name}.`,
    tried: span => `tried for ${span}; the last attempt ended so:`,
    otherSaid: 'The other server said:',
    until: date => `We go on trying until ${date}.`,
    spelling: 'Please check the spelling of the address.',
    full: 'The mailbox is full: try again later, or reach the recipient another way.',
    tooLarge: 'The message is too large for the recipient: send a smaller one, or a link.',
    refused: 'The other side refused the message by its own rules: only its administrator can change that.',
    since: date => `The trouble lasted since ${date}. You may send the message again later.`,
    help: (queueId, date) => `If you ask for help, please quote ${queueId} and the time, ${date}.`,
  },
  de: {
    subjects: {
      failed: 'Unzustellbar: Ihre Nachricht kommt zurück',
      delayed: 'Verzögert: Ihre Nachricht wird weiter versucht',
      delivered: 'Zugestellt: Ihre Nachricht ist angekommen',
      relayed: 'Weitergegeben: Ihre Nachricht',
      expanded: 'An mehrere Adressen weitergegeben: Ihre Nachricht',
    },
    openings: {
      failed: [
        'Ihre Nachricht konnte den Empfängern unten nicht zugestellt werden.',
        'Es wird nicht weiter versucht. Die Nachricht oder ihr Kopf hängt an.',
      ],
      delayed: [
        'Ihre Nachricht konnte den Empfängern unten noch nicht zugestellt werden.',
        'Sie brauchen sie nicht noch einmal zu senden: es wird weiter versucht.',
      ],
      delivered: ['Ihre Nachricht wurde den Empfängern unten zugestellt.'],
      relayed: [
        'Ihre Nachricht wurde für die Empfänger unten weitergegeben.',
        'Deren Mailserver meldet keine Zustellungen: Sie hören nur noch, wenn etwas misslingt.',
      ],
      expanded: ['Ihre Nachricht ging an alle Adressen, für die die Empfänger unten stehen.'],
    },
    server: name => `Dies ist der Mailserver ${name}.`,
    tried: span => `versucht seit ${span}; der letzte Versuch endete so:`,
    otherSaid: 'Der andere Server sagte:',
    until: date => `Wir versuchen es weiter bis ${date}.`,
    spelling: 'Bitte prüfen Sie die Schreibweise der Adresse.',
    full: 'Das Postfach ist voll: versuchen Sie es später, oder erreichen Sie den Empfänger auf anderem Weg.',
    tooLarge: 'Die Nachricht ist zu groß für den Empfänger: senden Sie eine kleinere oder einen Link.',
    refused: 'Die andere Seite lehnt die Nachricht nach ihren Regeln ab: ändern kann das nur ihr Administrator.',
    since: date => `Die Störung bestand seit ${date}. Sie können die Nachricht später noch einmal senden.`,
    help: (queueId, date) => `Wenn Sie um Hilfe bitten, nennen Sie bitte ${queueId} und die Zeit, ${date}.`,
  },
  fr: {
    subjects: {
      failed: 'Non remis : votre message vous revient',
      delayed: 'Retardé : votre message est encore essayé',
      delivered: 'Remis : votre message est arrivé',
      relayed: 'Transmis : votre message',
      expanded: 'Transmis à plusieurs adresses : votre message',
    },
    openings: {
      failed: [
        "Votre message n'a pas pu être remis aux destinataires ci-dessous.",
        "Il n'y aura pas d'autre essai. Le message, ou son en-tête, est joint.",
      ],
      delayed: [
        "Votre message n'a pas encore été remis aux destinataires ci-dessous.",
        "Inutile de l'envoyer de nouveau : les essais continuent.",
      ],
      delivered: ['Votre message a été remis aux destinataires ci-dessous.'],
      relayed: [
        'Votre message a été transmis pour les destinataires ci-dessous.',
        "Leur serveur n'annonce pas les remises : vous n'aurez plus de nouvelles, sauf en cas d'échec.",
      ],
      expanded: ['Votre message est parti vers toutes les adresses que représentent les destinataires ci-dessous.'],
    },
    server: name => `Ici le serveur de courrier ${name}.`,
    tried: span => `essayé pendant ${span} ; le dernier essai a fini ainsi :`,
    otherSaid: "L'autre serveur a dit :",
    until: date => `Nous essayons encore jusqu'au ${date}.`,
    spelling: "Veuillez vérifier l'orthographe de l'adresse.",
    full: 'La boîte est pleine : essayez plus tard, ou joignez le destinataire autrement.',
    tooLarge: 'Le message est trop grand pour le destinataire : envoyez-en un plus petit, ou un lien.',
    refused: "L'autre côté refuse le message selon ses règles : seul son administrateur peut y changer quelque chose.",
    since: date => `La panne durait depuis ${date}. Vous pouvez renvoyer le message plus tard.`,
    help: (queueId, date) => `Si vous demandez de l'aide, citez ${queueId} et l'heure, ${date}.`,
  },
}

/** RFC 3282 §2, §3: the first language that a header field names and that we speak. */
export function languageOf(fields: readonly { readonly name: string; readonly raw: string }[]): Language {
  for (const name of ['content-language', 'accept-language']) {
    const raw = fields.find(field => field.name.toLowerCase() === name)?.raw.slice(0, 200) ?? ''
    for (const tag of raw.split(',', 20)) {
      const language = LANGUAGES.find(
        one => one === tag.trim().slice(0, 2).toLowerCase() && /^\s*\w\w(?:[-;\s]|$)/.test(tag),
      )
      if (language !== undefined) return language
    }
  }
  return 'en'
}

/**
 * format=flowed undone (RFC 3676): lines that end in a space go on in the next one of the same quoting, so that a phrase broken over
 * lines is one again. Linear.
 */

/** `spaceGoes`: DelSp=yes, where the space at the end is not part of the text. */
export function readFlowed(text: string, spaceGoes: boolean): string {
  const out: string[] = []
  let open: { depth: number; text: string[] } | undefined
  for (const ended of text.split('\n')) {
    const line = ended.endsWith('\r') ? ended.slice(0, -1) : ended
    const depth = depthOf(line)
    // RFC 3676 §4.4: one space behind the marks is stuffing.
    const stuffed = line.charCodeAt(depth) === 32 ? depth + 1 : depth
    const content = line.slice(stuffed)
    // §4.3: a signature's line is no flowed one, though it ends in a space.
    const signature = content === '-- '
    const flows = content.endsWith(' ') && !signature
    if (open !== undefined && (open.depth !== depth || signature)) {
      out.push(quoted(open.depth, open.text))
      open = undefined
    }
    const piece = flows && spaceGoes ? content.slice(0, -1) : content
    if (open === undefined) open = { depth, text: [piece] }
    else open.text.push(piece)
    if (flows) continue
    out.push(quoted(open.depth, open.text))
    open = undefined
  }
  if (open !== undefined) out.push(quoted(open.depth, open.text))
  return out.join('\n')
}

function depthOf(line: string): number {
  let depth = 0
  while (line.charCodeAt(depth) === 62) depth += 1
  return depth
}

function quoted(depth: number, pieces: readonly string[]): string {
  const text = pieces.join('')
  return depth === 0 ? text : `${'>'.repeat(depth)} ${text}`
}
